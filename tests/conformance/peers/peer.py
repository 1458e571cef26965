"""What peers in Python share: their command line, and what they say."""
import argparse
import json
import threading


class Output:
    """Lines of JSON from any thread."""

    def __init__(self):
        self.lock = threading.Lock()

    def say(self, what):
        with self.lock:
            print(json.dumps(what), flush=True)


def main(serve, call):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest='command', required=True)
    serving = commands.add_parser('serve')
    serving.add_argument('--port', default=0, type=int)
    serving.add_argument('--arguments', default='{}')
    calling = commands.add_parser('call')
    calling.add_argument('address')
    options = parser.parse_args()
    if options.command == 'serve':
        serve(options.port, options.arguments)
    else:
        call(options.address)
