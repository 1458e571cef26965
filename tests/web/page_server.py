"""Runs the program page_server (page_server.cc), and asks it as any JSON client would."""

import contextlib
import json
import subprocess
import urllib.request


class PageServer:
    def __init__(self, process):
        self._process = process
        self.url = f"http://127.0.0.1:{int(process.stdout.readline())}"

    def add_round(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}") as answer:
            return json.load(answer)


@contextlib.contextmanager
def start_page_server(program, rounds, hospitals, run_name, last_hospital):
    process = subprocess.Popen([program, str(rounds), str(hospitals), run_name, last_hospital],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield PageServer(process)
    finally:
        process.stdin.close()
        process.stdout.close()
        if process.wait() != 0:
            raise AssertionError(f"page_server ended with {process.returncode}")
