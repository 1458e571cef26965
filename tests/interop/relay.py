"""A wiretap between programs."""
import socket
import threading


class Relay:
    """Stands in front of `upstream` and sees all that passes, as a wiretap would."""

    def __init__(self, upstream):
        host, port = upstream.rsplit(':', 1)
        self.upstream = (host, int(port))
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                downstream, _ = listener.accept()
            except OSError:
                return  # it is closed
            try:
                upstream = socket.create_connection(self.upstream)
            except OSError:
                downstream.close()
                continue
            self.opened(downstream, upstream)
            for source, sink, is_client in ((downstream, upstream, True), (upstream, downstream, False)):
                threading.Thread(target=self.copy, args=(source, sink, is_client), daemon=True).start()

    def copy(self, source, sink, is_client):
        try:
            while data := source.recv(65536):
                self.passes(downstream=source if is_client else sink, is_client=is_client, data=data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other end has gone

    def opened(self, downstream, upstream):
        """A connection. For those who need to know."""

    def passes(self, downstream, is_client, data):
        """Is told of `data` before it goes on."""
        raise NotImplementedError
