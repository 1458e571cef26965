"""Makes the README's picture: screenshot.py PAGE_SERVER PICTURE.png [WIDTH HEIGHT light|dark]"""

import sys

from browser import start_browser
from page_server import start_page_server


def main(program, picture, width="1280", height="960", scheme="light"):
    with start_page_server(program, 20, 4, "Heart disease, four hospitals", "zurich-basel.example") as server:
        with start_browser() as browser:
            browser.emulate(int(width), int(height), scheme, scale=1.5)
            browser.open(f"{server.url}/?run={server.get('runs')['runs'][0]['id']}")
            browser.wait_for("return document.getElementById('rounds-chart').height > 0 && !document.getElementById('run').hidden")
            browser.screenshot(picture)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
