"""A peer of the conformance suite that frames gRPC itself: it says and sees header lists as they travel, counts the
bytes that it framed, and does on the wire what no gRPC library lets one do (../README.md).

    h2_peer.py serve [--port N] [--arguments JSON]
    h2_peer.py call HOST:PORT
"""
import gzip
import json
import socket
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hyperframe.frame

from payload import Tally, outbox, value_from_json
from peer import Output, main

PREFIX = 5  # bytes before each message: a flag, and the length


def text(pairs):
    return [[name.decode('latin-1'), value.decode('latin-1')] for name, value in pairs]


def raw(pairs):
    return [(name.encode('latin-1'), value.encode('latin-1')) for name, value in pairs]


class Stream:
    """What came on one stream, and what was sent on it."""

    def __init__(self):
        self.blocks = []  # of header fields: the first, then trailers
        self.buffer = bytearray()  # of a message that is not whole
        self.received, self.sent = Tally(), Tally()
        self.received_encoded = self.sent_encoded = 0
        self.compressed = 0
        self.ended = False
        self.reset = None

    def take(self, data):
        self.received_encoded += len(data)
        self.buffer += data
        while len(self.buffer) >= PREFIX:
            end = PREFIX + int.from_bytes(self.buffer[1:PREFIX], 'big')
            if len(self.buffer) < end:
                break
            message = bytes(self.buffer[PREFIX:end])
            if self.buffer[0]:
                self.compressed += 1
                message = gzip.decompress(message)
            self.received.add(message)
            del self.buffer[:end]

    def seen(self):
        return {'blocks': self.blocks, 'ended': self.ended, 'reset': self.reset, 'compressed': self.compressed,
                'cut': len(self.buffer), 'received': {**self.received.json(), 'encoded': self.received_encoded},
                'sent': {**self.sent.json(), 'encoded': self.sent_encoded}}


class Connection:
    """Reads on a thread of its own; steps run on others and wait for what is read."""

    def __init__(self, sock, client, settings, on_request=None):
        self.sock, self.on_request = sock, on_request
        self.changed = threading.Condition()
        self.streams = {}
        self.open_streams = self.most_open = 0
        self.pings = self.pongs = 0
        self.goaway = None  # code, last stream, debug data
        self.closed = False
        config = h2.config.H2Configuration(client_side=client, header_encoding=None, validate_inbound_headers=False,
                                           validate_outbound_headers=False, normalize_inbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings({int(code): value for code, value in settings.items()})
        self.flush()
        threading.Thread(target=self.read, daemon=True).start()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def read(self):
        try:
            while data := self.sock.recv(1 << 18):
                with self.changed:
                    for event in self.h2.receive_data(data):
                        self.take(event)
                    self.flush()
                    self.changed.notify_all()
        except OSError:
            pass
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def take(self, event):
        stream = self.streams.get(getattr(event, 'stream_id', None))
        if isinstance(event, h2.events.RequestReceived):
            stream = self.streams[event.stream_id] = Stream()
            stream.blocks.append(text(event.headers))
            self.open_streams += 1
            self.most_open = max(self.most_open, self.open_streams)
            threading.Thread(target=self.on_request, args=(self, event.stream_id), daemon=True).start()
        elif isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
            stream.blocks.append(text(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            stream.take(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            if stream.reset is None and event.remote_reset:
                stream.reset = int(event.error_code)
        elif isinstance(event, h2.events.PingReceived):
            self.pings += 1
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = [int(event.error_code), event.last_stream_id, (event.additional_data or b'').decode('latin-1')]

    def do(self, stream_id, step):
        stream = self.streams[stream_id]
        with self.changed:
            if 'headers' in step:
                self.h2.send_headers(stream_id, raw(step['headers']), end_stream=step.get('end', False))
            elif 'messages' in step:
                self.send(stream_id, step)
            elif 'rst' in step:
                self.h2.reset_stream(stream_id, step['rst'])
            elif 'goaway' in step:
                code, debug = step['goaway']  # past h2, which would not go on after it
                frame = hyperframe.frame.GoAwayFrame(0, stream_id, code, debug.encode())
                self.sock.sendall(self.h2.data_to_send() + frame.serialize())
            elif 'ping' in step:
                self.h2.ping(step['ping'].encode())
            elif 'await' in step:
                return self.wait(stream, *step['await'])
            self.flush()

    def wait(self, stream, what, count=1):
        reached = {'headers': lambda: len(stream.blocks), 'messages': lambda: stream.received.messages,
                   'end': lambda: stream.ended, 'reset': lambda: stream.reset is not None,
                   'ping': lambda: self.pings, 'pong': lambda: self.pongs, 'goaway': lambda: self.goaway is not None,
                   'close': lambda: self.closed}[what]
        over = (lambda: False) if what in ('reset', 'close') else (lambda: self.closed or stream.reset is not None)
        self.changed.wait_for(lambda: reached() >= count or over())

    def send(self, stream_id, step):
        """Frames messages: `frame` bytes of data in each frame, `pad` bytes after them, the last message cut after
        `cut` bytes."""
        stream, encoded = self.streams[stream_id], bytearray()
        for message in outbox(step['messages']):
            body = gzip.compress(message, mtime=0) if step.get('gzip') else message
            encoded += bytes([bool(step.get('gzip'))]) + len(body).to_bytes(4, 'big') + body
            stream.sent.add(message)
        encoded = encoded[:step.get('cut')]
        stream.sent_encoded += len(encoded)
        pad = step.get('pad')
        padding = 0 if pad is None else pad + 1
        at = 0
        while at < len(encoded):
            window = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size) - padding
            if window <= 0:
                self.flush()
                self.changed.wait()
                if self.closed or stream.reset is not None:
                    return
                continue
            piece = bytes(encoded[at:at + min(window, step.get('frame', window))])
            at += len(piece)
            self.h2.send_data(stream_id, piece, step.get('end', False) and at == len(encoded), pad)
        if step.get('end') and not encoded:
            self.h2.end_stream(stream_id)


def serve(port, arguments):
    output = Output()

    def on_request(connection, stream_id):
        stream = connection.streams[stream_id]
        fields = dict(stream.blocks[0])
        try:
            for step in json.loads(value_from_json('-bin', fields['script-bin']))['steps']:
                connection.do(stream_id, step)
        except (OSError, h2.exceptions.ProtocolError) as error:
            print(f'{fields[":path"]}: {error!r}', file=sys.stderr)
        with connection.changed:
            connection.open_streams -= 1
            seen = stream.seen()
        output.say({'method': fields[':path'], 'most_open': connection.most_open, **seen})

    listener = socket.create_server(('127.0.0.1', port))
    output.say({'listen': f'127.0.0.1:{listener.getsockname()[1]}'})

    def accept():
        while True:
            Connection(listener.accept()[0], False, json.loads(arguments), on_request)
    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


def call(address):
    output, connection = Output(), None
    host, port = address.rsplit(':', 1)

    def run(stream_id, steps):
        for step in steps:
            connection.do(stream_id, step)

    for line in sys.stdin:
        script = json.loads(line)
        if 'channel' in script:
            connection = Connection(socket.create_connection((host, int(port))), True, script['channel'])
        threads, streams = [], []
        for call in script['calls']:
            with connection.changed:
                stream_id = connection.h2.get_next_available_stream_id()
                stream = connection.streams[stream_id] = Stream()
            connection.do(stream_id, call['steps'][0])  # takes the number
            streams.append(stream)
            threads.append(threading.Thread(target=run, args=(stream_id, call['steps'][1:])))
            threads[-1].start()
        for thread in threads:
            thread.join()
        output.say([{**stream.seen(), 'goaway': connection.goaway} for stream in streams])


if __name__ == '__main__':
    main(serve, call)
