"""A headless Chromium, driven through chromedriver's WebDriver protocol with the standard library alone."""

import base64
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

CHROMIUM_FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]
PATIENCE_SECONDS = 120


class Browser:
    def __init__(self, driver_url, profile):
        self._session = f"{driver_url}/session"
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": [*CHROMIUM_FLAGS, f"--user-data-dir={profile}"]},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        created = self._post("", {"capabilities": {"alwaysMatch": capabilities}})
        self._session += "/" + created["sessionId"]

    def open(self, url):
        self._post("/url", {"url": url})

    def run(self, script, *arguments):
        """The value that the body of a JavaScript function returns; a promise is awaited."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script, *arguments):
        """The first true value of the script."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"never came true in the page: {script}\n{self.log()}")

    def log(self):
        """Console messages and policy violations since the last call."""
        return self._post("/se/log", {"type": "browser"})

    def emulate(self, width, height, scheme, scale=1):
        self.devtools("Emulation.setDeviceMetricsOverride",
                      width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path, whole_page=False):
        image = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole_page)
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))

    def devtools(self, command, **parameters):
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def quit(self):
        request = urllib.request.Request(self._session, method="DELETE")
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()

    def _post(self, path, body):
        request = urllib.request.Request(self._session + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None


@contextlib.contextmanager
def start_browser():
    """A browser with an empty profile; it and its driver end with the context."""
    driver = shutil.which("chromedriver")
    if not driver or not shutil.which("chromium"):
        print("chromium and chromedriver are missing: apt-get install chromium chromium-driver", file=sys.stderr)
        raise SystemExit(77)  # CTest counts it as skipped
    with tempfile.TemporaryDirectory() as profile:
        process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            port = next(line for line in process.stdout if "started successfully on port" in line)
            browser = Browser(f"http://127.0.0.1:{port.split()[-1].rstrip('.')}", profile)
            try:
                yield browser
            finally:
                browser.quit()
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()
