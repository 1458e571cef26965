"""A socket in TLS for ends.End: unlike one of the ssl module it may be read and written by two threads at once, and it can
end its own side alone, as long as no data waits to be read."""
import socket
import ssl
import threading
from contextlib import suppress

PIECE = 1 << 16


class Sealed:
    """Shakes hands at once. `name`: of the server that must be there; None: this is the server."""

    def __init__(self, sock, context, name=None):
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=name is None, server_hostname=name)
        self.state = threading.Lock()  # of `tls`
        self.writing = threading.Lock()  # what it wrote leaves in that order
        self.until_read(self.tls.do_handshake)
        self.flush()

    def until_read(self, action):
        while True:
            try:
                with self.state:
                    return action()
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(PIECE)
                with self.state:
                    self.incoming.write(data) if data else self.incoming.write_eof()

    def flush(self):
        with self.writing:
            with self.state:
                data = self.outgoing.read()
            if data:
                self.sock.sendall(data)

    def recv(self, size):
        """b'': the peer has said that it ends. An end without a word raises."""
        try:
            return self.until_read(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b''

    def sendall(self, data):
        with self.state:
            self.tls.write(data)
        self.flush()

    def shutdown(self, how):
        if how == socket.SHUT_WR:
            with suppress(ssl.SSLWantReadError), self.state:
                self.tls.unwrap()
            self.flush()
        self.sock.shutdown(how)

    def __getattr__(self, name):
        return getattr(self.sock, name)
