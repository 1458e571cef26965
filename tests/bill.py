"""bill.py BUILD SINCE: what a stage cost: its 15 slowest compilations, links and tests. SINCE, in seconds since 1970: builds before
it are somebody else's. Reads ninja's log and results.xml in the build folder."""
import os
import sys
import xml.etree.ElementTree as tree

MOST = 15


def steps(build, since):
    """(seconds, output) of what ninja made last."""
    lasted = {}
    with open(f'{build}/.ninja_log') as log:
        for line in log:
            if line.startswith('#'):
                continue
            begin, end, _, output, _ = line.rstrip('\n').split('\t')
            lasted[output] = (int(end) - int(begin)) / 1000
    return [(seconds, output) for output, seconds in lasted.items()
            if os.path.exists(f'{build}/{output}') and os.path.getmtime(f'{build}/{output}') >= since]


def show(title, rows):
    if not rows:
        return
    print(f'   {title}: {len(rows):,} in {sum(seconds for seconds, _ in rows):,.0f} s')
    for seconds, name in sorted(rows, reverse=True)[:MOST]:
        print(f'   {seconds:8.1f} s  {name}')


def main():
    build, since = sys.argv[1], float(sys.argv[2])
    made = steps(build, since)
    compiled = [(seconds, output) for seconds, output in made if output.endswith(('.o', '.pch', '.gch'))]
    linked = [(seconds, output) for seconds, output in made 
              if output.startswith(('bin/', 'tests/', 'fuzz/', 'bench/')) and '/CMakeFiles/' not in output]
    show('compilations', compiled)
    show('links', linked)
    results = f'{build}/results.xml'
    if os.path.exists(results):
        show('tests', [(float(case.get('time')), case.get('name')) for case in tree.parse(results).getroot().iter('testcase')])


main()
