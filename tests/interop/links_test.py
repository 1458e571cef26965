"""What documents and comments refer to is there: links and their headings, paths, and the names of files."""
import os
import re
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
COMMENTS = {'.h': r'//(.*)', '.cc': r'//(.*)', '.proto': r'//(.*)', '.js': r'//(.*)', '.css': r'/\*(.*?)\*/',
            '.py': r'(?s:"""(.*?)""")|(?:^|\s)#(.*)', '.sh': r'(?:^|\s)#(.*)', '.cmake': r'(?:^|\s)#(.*)',
            '.txt': r'(?:^|\s)#(.*)', '.toml': r'(?:^|\s)#(.*)', '.service': r'^#(.*)', '.md': r'(?s:(.*))'}
HERE = re.compile(r'README\.md (?:in this folder|beside this)')
PATH = re.compile(r'(?<![\w./~-])(?:(?:lib|node|server|tests|proto)/[\w./-]*[\w/]|[\w-]+\.md)(?![\w<*{])')
LINK = re.compile(r'\]\(([^)\s]+)\)')
NAME = re.compile(r'`(?!build/|node\.toml)((?:[\w.-]+/)*\w+\.(?:h|cc|py|sh|proto|cmake|toml|js|csv))`')


def walk():
    """The files of the tree, as paths below it: no build folder, nothing that only a person's tools made."""
    for folder, folders, files in os.walk(TOP):
        folders[:] = [name for name in folders if name not in ('build', '__pycache__', 'corpus') and
                      (not name.startswith('.') or name in ('.github', '.ci'))]
        yield from (Path(folder, name).relative_to(TOP) for name in files)


FILES = sorted(walk())
NAMES = {path.name for path in FILES}


def texts():
    """(file, line, text) of each document and comment."""
    for path in FILES:
        pattern = COMMENTS.get(path.suffix)
        if pattern is None or path.suffix == '.txt' and path.name != 'CMakeLists.txt':
            continue
        content = (TOP / path).read_text()
        for found in re.finditer(pattern, content, re.M):
            text = next(filter(None, found.groups()), '')
            yield path, content.count('\n', 0, found.start()) + 1, text


def lines():
    for path, line, text in texts():
        for below, words in enumerate(text.split('\n')):
            yield path, f'{path}:{line + below}', words


def exists(path, name):
    """From the top, or from the file that names it; a demo's or test's folder may be named from the one above."""
    return any((TOP / folder / name).exists() for folder in ('', path.parent, path.parent.parent))


def headings(document):
    """As GitHub makes anchors of them."""
    found = re.findall(r'^#+ (.*)$', re.sub(r'^```.*?^```', '', document.read_text(), flags=re.S | re.M), re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in found}


class LinksTest(unittest.TestCase):
    maxDiff = None

    def test_links_lead_somewhere(self):
        wrong = []
        for path, place, words in lines():
            if path.suffix != '.md':
                continue
            for link in LINK.findall(words):
                name, _, anchor = link.partition('#')
                if re.match(r'\w+:', link):
                    continue
                target = TOP / path.parent / name if name else TOP / path
                if not target.exists() or anchor and anchor not in headings(target):
                    wrong.append(f'{place}: {link}')
        self.assertEqual(wrong, [])

    def test_paths_are_there(self):
        wrong = []
        for path, place, words in lines():
            words = re.sub(r'https?://\S+|#include.*|\[[\w-]+\.md\]\(http', '', words)
            wrong += [f'{place}: {name}' for name in PATH.findall(words) if not exists(path, name)]
            wrong += [f'{place}: {here}' for here in HERE.findall(words) if not (TOP / path.parent / 'README.md').exists()]
        self.assertEqual(wrong, [])

    def test_files_that_documents_name_are_there(self):
        wrong = []
        for path, place, words in lines():
            if path.suffix == '.md':
                wrong += [f'{place}: {name}' for name in NAME.findall(words)
                          if not exists(path, name) and ('/' in name or name not in NAMES)]
        self.assertEqual(wrong, [])


if __name__ == '__main__':
    unittest.main()
