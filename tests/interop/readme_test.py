"""readme_test.py BUILD FLOWER [TEST]: the lanes of README.md, from its own lines to a number of grams.

BUILD stands for what "Install" builds: only its installation is run. FLOWER is a virtual environment with the packages of
node/demo/flower/requirements.txt; where it is not there, the lane of Flower is skipped. Ports are replaced by free ones.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from federation import TOP, free_port

README = (TOP / 'README.md').read_text()
DEADLINE = 400  # seconds, of a lane
GRPC = '7433'   # the coordinator's own port, which the lanes need not name
BUILD = FLOWER = None  # the first two arguments


def section(title):
    found = re.search(rf'^## {re.escape(title)}\n(.*?)(?=^## |\Z)', README, re.S | re.M)
    assert found, f'README.md has no section "{title}"'
    return found[1]


def blocks(text):
    """(file, language, content) of each; the file is named by the words before it: In `FILE`:"""
    return re.findall(r'(?:In `([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$', text, re.S | re.M)


def install():
    """The lines of "Install", with BUILD in the place of what they would build."""
    (_, _, lines), = blocks(section('Install'))
    for built_already in (r'install_packages .*', r'cmake -S \. -B build .*', r'cmake --build build'):
        lines, found = re.subn(rf'^{built_already}\n', '', lines, flags=re.M)
        assert found == 1, f'"Install" in README.md has no single line {built_already}'
    lines, found = re.subn(r'^cmake --install build ', f'DESTDIR= cmake --install "{BUILD}" ', lines, flags=re.M)
    assert found == 1, '"Install" in README.md does not install'
    return lines


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-readme-'))
        # Flower's programs have children that end a moment after them.
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        shutil.copytree(TOP / 'node/demo', self.folder / 'node/demo')
        (self.folder / 'lib').mkdir()
        for script in ('packages.sh', 'virtual_environment.sh'):
            shutil.copy(TOP / 'lib' / script, self.folder / 'lib')
        (self.folder / 'build').mkdir()
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith('FEDCARBON_') and not name.lower().endswith('_proxy')}
        self.environment.update(HOME=str(self.folder / 'home'), PYTHONDONTWRITEBYTECODE='1', FLWR_TELEMETRY_ENABLED='0',
                                FLWR_DISABLE_UPDATE_CHECK='1')

    def run_lane(self, title):
        """The answer of `fedcarbon footprint` at the end of it, with three rounds."""
        lane = blocks(section(title))
        text = ''.join(content for _, _, content in lane)
        numbers = {GRPC, *re.findall(r'(?:127\.0\.0\.1:|--port )(\d+)', text)}
        ports = {number: str(free_port()) for number in numbers}
        self.assertEqual(len(set(ports.values())), len(ports))
        self.environment.update(FEDCARBON_GRPC=f'127.0.0.1:{ports[GRPC]}', FEDCARBON_HTTP='127.0.0.1:0',
                                FEDCARBON_COORDINATOR=f'127.0.0.1:{ports[GRPC]}')

        script = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT", install()]
        for file, language, content in lane:
            content = re.sub(rf'\b(?:{"|".join(ports)})\b', lambda port: ports[port[0]], content)
            if language == 'sh':
                script.append(content)
                continue
            self.assertTrue(file, f'README.md does not say in which file this {language} is:\n{content}')
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / file).write_text(content)
        script.append("""until fedcarbon footprint --format json >footprint.json && grep -qE '"rounds": *"3"' footprint.json
do sleep 0.2  # the last facts are on their way
done""")
        (self.folder / 'lane.sh').write_text('\n'.join(script))

        with open(self.folder / 'lane.log', 'w') as log:
            shell = subprocess.Popen(['bash', 'lane.sh'], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = shell.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            status = f'none within {DEADLINE} s'
        finally:
            try:
                os.killpg(shell.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            shell.wait()
        said = (self.folder / 'lane.log').read_text()
        self.assertEqual(status, 0, said)
        self.assertIn('CO2e', said)
        answer = json.loads((self.folder / 'footprint.json').read_text())['run']
        self.assertGreater(answer['footprint']['total']['central'], 0, answer)
        return answer

    def test_it_is_under_8_kb(self):
        self.assertLess(len(README.encode()), 8000)

    def test_the_lane_of_flower(self):
        wanted = TOP / 'node/demo/flower/requirements.txt'
        self.assertEqual((FLOWER / 'requirements.txt').read_text(), wanted.read_text())
        (self.folder / 'build/flower').symlink_to(FLOWER)
        answer = self.run_lane('Flower')
        self.assertTrue(answer['run']['id'].startswith('flower:'), answer)
        self.assertIn('budapest', [node['node'] for node in answer['nodes']])

    def test_the_lane_of_any_script(self):
        answer = self.run_lane('Any script')
        self.assertGreater(answer['footprint']['computation']['central'], 0)
        self.assertGreater(answer['footprint']['communication']['central'], 0)
        self.assertGreaterEqual(int(answer['footprint']['cpuUs']), 3_000_000)      # three scripts of a second each
        self.assertGreaterEqual(int(answer['footprint']['countedBytes']), 3_000_000)  # which fetched a megabyte each

    def test_the_lane_of_cpp(self):
        answer = self.run_lane('C++')
        self.assertEqual(answer['run']['name'], 'heart disease')
        self.assertGreater(answer['footprint']['communication']['central'], 0)
        self.assertGreaterEqual(int(answer['footprint']['cpuUs']), 2_900_000)  # three rounds of a second each


if __name__ == '__main__':
    BUILD, FLOWER = (Path(folder).resolve() for folder in sys.argv[1:3])
    if 'flower' in ' '.join(sys.argv[3:]) and not (FLOWER / 'bin/flwr').exists():
        print('SKIPPED: Flower could not be installed, so nothing was tested')
        sys.exit(77)
    if not (FLOWER / 'bin/flwr').exists():
        ReadmeTest.test_the_lane_of_flower = unittest.skip('no Flower')(ReadmeTest.test_the_lane_of_flower)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
