"""A link between a hospital and the SuperLink that is cut once."""
import contextlib
import socket
import struct
import threading
import time

from relay import Relay


class Link(Relay):
    """Between a node and the SuperLink. Is cut in the middle of the object that passes after `size` bytes of answers: for
    `PAUSE` seconds, and until the node has found that it is."""
    PAUSE = 5

    def __init__(self, upstream, size):
        self.lock = threading.Lock()
        self.left, self.is_cut, self.sockets = size, False, set()
        self.node_has_noticed, self.is_mended = threading.Event(), threading.Event()
        super().__init__(upstream)

    def opened(self, *sockets):
        with self.lock:
            if not self.is_cut:
                self.sockets |= set(sockets)
                return
        for end in sockets:
            end.close()

    def passes(self, downstream, is_client, data):
        if is_client:
            return
        with self.lock:
            before, self.left = self.left, self.left - len(data)
            if not before >= 0 > self.left:
                return
            self.is_cut = True
        downstream.sendall(data[:len(data) // 2])
        self.cut()

    def cut(self):
        port = self.listener.getsockname()[1]
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.sockets:
            # By a reset; a reader that sits in another thread is woken by the shutdown.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            with contextlib.suppress(OSError):  # the other end has gone
                end.shutdown(socket.SHUT_RD)
            end.close()
        threading.Thread(target=self.mend, args=(port,), daemon=True).start()

    def mend(self, port):
        time.sleep(self.PAUSE)  # how long the link is gone is the case itself
        self.node_has_noticed.wait()
        with self.lock:
            self.is_cut = False
        self.listener = socket.create_server(('127.0.0.1', port))
        self.is_mended.set()
        self.accept(self.listener)
