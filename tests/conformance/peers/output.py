"""What a peer says on its standard output."""
import json
import threading


class Output:
    """Lines of JSON from any thread."""

    def __init__(self):
        self.lock = threading.Lock()

    def say(self, what):
        with self.lock:
            print(json.dumps(what), flush=True)
