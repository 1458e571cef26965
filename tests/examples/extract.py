#!/usr/bin/env python3
"""extract.py OUT LIB HEADER...: the examples of headers below LIB as source files in OUT, which must compile.

An example stands in a comment, // or ///, between a line ```cpp and a line ```. It is a piece of a source file inside
namespace fedcarbon that includes the header: whole functions, whose parameters and declarations say what they need, below
the further #include lines that it takes. Each becomes one file, whose errors are told at the header's lines. Files of
examples that are no more are removed; those that have not changed stay as they are.
"""
import re
import sys
from pathlib import Path

COMMENT = re.compile(r'\s*///? ?(.*)')


def examples(header):
    """The line where each begins, and its lines."""
    begin, lines = None, []
    for number, line in enumerate(header.read_text().splitlines(), 1):
        comment = COMMENT.fullmatch(line)
        text = comment[1].rstrip() if comment else None
        if begin is None:
            if text == '```cpp':
                begin, lines = number + 1, []
        elif text is None:
            sys.exit(f'{header}:{number}: the example of line {begin} has no end: close it with ```')
        elif text == '```':
            yield begin, lines
            begin = None
        else:
            lines.append(text)
    if begin is not None:
        sys.exit(f'{header}: the example of line {begin} has no end: close it with ```')


def source(header, included, begin, lines, name):
    body = next((at for at, line in enumerate(lines) if line and not line.startswith('#include')), len(lines))
    return '\n'.join([f'// An example of {included}.', f'#include <{included}>', f'#line {begin} "{header}"', *lines[:body],
                      f'namespace fedcarbon::{name} {{', f'#line {begin + body} "{header}"', *lines[body:], '}', ''])


def main(out, lib, *headers):
    out.mkdir(parents=True, exist_ok=True)
    written = set()
    for header in headers:
        included = header.relative_to(lib)
        for count, (begin, lines) in enumerate(examples(header), 1):
            name = re.sub(r'\W', '_', f'{included.with_suffix("")}_example_{count}')
            path, text = out / f'{name}.cc', source(header, included, begin, lines, name)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            written.add(path)
    for path in set(out.glob('*_example_*.cc')) - written:
        path.unlink()


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
