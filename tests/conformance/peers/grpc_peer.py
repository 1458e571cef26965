"""A peer of the conformance suite in Python's grpcio, told what to do as the C++ ones are (../README.md).

    grpc_peer.py serve [--port N] [--arguments JSON]
    grpc_peer.py call HOST:PORT
"""
import json
import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from payload import Tally, outbox, value_from_json, value_to_json
from peer import Output, main

UNLIMITED = [('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1),
             ('grpc.max_metadata_size', 1 << 20)]
ONE_ANSWER = ('Unary', 'ClientStream')


def pairs_from_json(pairs):
    return [(key, value_from_json(key, value)) for key, value in pairs]


def pairs_to_json(pairs):
    return [[key, value_to_json(key, value)] for key, value in pairs or ()]


class ScriptedCall:
    """Does one call's script at the server."""

    def __init__(self, method, context, output):
        self.method, self.context, self.output = method, context, output
        self.script = json.loads(dict(context.invocation_metadata()).get('script-bin', b'{}'))
        self.received, self.sent = Tally(), Tally()
        self.cancelled = False
        self.finished = False
        self.ended = threading.Event()
        remaining = context.time_remaining()
        self.has_deadline = remaining is not None and remaining < 10 ** 8
        if not context.add_callback(self.on_end):
            self.cancelled = True
            self.on_end()

    def on_end(self):
        self.cancelled = not self.finished
        self.ended.set()
        self.output.say({'method': self.method, 'deadline': self.has_deadline, 'cancelled': self.cancelled,
                         'received': self.received.json(), 'sent': self.sent.json(),
                         'metadata': pairs_to_json(self.context.invocation_metadata())})

    def answer(self, message):
        self.sent.add(message)
        return message

    def run(self, requests):
        """The answers; ends with the call's status."""
        script, context = self.script, self.context
        if script.get('gzip'):
            context.set_compression(grpc.Compression.Gzip)
        if 'initial' in script:
            context.send_initial_metadata(pairs_from_json(script['initial']))
        left = script.get('read')
        while left is None or left > 0:
            request = next(requests, None)
            if request is None:
                break
            left = None if left is None else left - 1
            self.received.add(request)
            if 'answers' not in script:
                yield self.answer(request)
        for message in outbox(script.get('answers', [])):
            yield self.answer(message)
        if script.get('exit'):
            os._exit(0)
        if script.get('cancel'):
            context.cancel()
        if script.get('cancel') or script.get('hang'):
            self.ended.wait()
            return
        context.set_trailing_metadata(pairs_from_json(script.get('trailing', [])))
        code, details = script.get('status', (0, ''))
        self.finished = True
        if code:
            context.abort(next(c for c in grpc.StatusCode if c.value[0] == code), details)

    def run_to_one(self, requests):
        """The only answer."""
        answers = list(self.run(requests))
        return answers[0] if answers else b''


class Handlers(grpc.GenericRpcHandler):
    """Knows every method of services below "conformance."."""

    def __init__(self, output):
        self.output = output

    def service(self, details):
        method = details.method
        if not method.startswith('/conformance.'):
            return None

        def call(context):
            return ScriptedCall(method, context, self.output)
        return {
            'Unary': grpc.unary_unary_rpc_method_handler(lambda r, c: call(c).run_to_one(iter([r]))),
            'ClientStream': grpc.stream_unary_rpc_method_handler(lambda r, c: call(c).run_to_one(r)),
            'ServerStream': grpc.unary_stream_rpc_method_handler(lambda r, c: call(c).run(iter([r]))),
            'BidiStream': grpc.stream_stream_rpc_method_handler(lambda r, c: call(c).run(r)),
        }[method.rsplit('/')[-1]]


def serve(port, arguments):
    output = Output()
    server = grpc.server(ThreadPoolExecutor(max_workers=1100), handlers=[Handlers(output)],
                         options=UNLIMITED + list(json.loads(arguments).items()))
    port = server.add_insecure_port(f'127.0.0.1:{port}')
    server.start()
    output.say({'listen': f'127.0.0.1:{port}'})
    sys.stdin.read()
    server.stop(None).wait()


class ClientCall:
    def __init__(self, channel, script):
        self.script = script
        self.received, self.sent = Tally(), Tally()
        self.ready = threading.Event()  # the half-close may go
        self.kind = script['method'].rsplit('/')[-1]
        if script.get('half_close', True) and not script.get('hold'):
            self.ready.set()
        metadata = pairs_from_json(script.get('metadata', []))
        if 'server' in script:
            metadata.append(('script-bin', json.dumps(script['server']).encode()))
        options = {'metadata': metadata, 'timeout': script['deadline_ms'] / 1000 if 'deadline_ms' in script else None,
                   'wait_for_ready': script.get('wait_for_ready', False),
                   'compression': grpc.Compression.Gzip if script.get('gzip') else None}
        if self.kind in ('Unary', 'ServerStream'):
            request = next(self.requests())
        else:
            request = self.requests()
        if self.kind == 'Unary':
            self.call = channel.unary_unary(script['method']).future(request, **options)
        elif self.kind == 'ServerStream':
            self.call = channel.unary_stream(script['method'])(request, **options)
        elif self.kind == 'ClientStream':
            self.call = channel.stream_unary(script['method']).future(request, **options)
        else:
            self.call = channel.stream_stream(script['method'])(request, **options)
        if not self.call.add_callback(self.ready.set):
            self.ready.set()

    def requests(self):
        for message in outbox(self.script.get('send', [])):
            self.sent.add(message)
            yield message
        self.ready.wait()

    def answers(self):
        if self.kind in ONE_ANSWER:
            yield self.call.result()
        else:
            yield from self.call

    def receive(self, upto=None):
        """All answers, or the first `upto`."""
        try:
            for message in self.answers():
                self.received.add(message)
                if self.received.messages == self.script.get('cancel_after'):
                    self.call.cancel()
                if self.received.messages == upto:
                    return
        except (grpc.RpcError, grpc.FutureCancelledError):
            pass

    def seen(self):
        return {'status': self.call.code().value[0], 'details': self.call.details() or '',
                'initial': pairs_to_json(self.call.initial_metadata()),
                'trailing': pairs_to_json(self.call.trailing_metadata()),
                'sent': self.sent.json(), 'received': self.received.json()}


def run(channel, scripts):
    calls = [ClientCall(channel, script) for script in scripts for _ in range(script.get('times', 1))]
    for call in calls:
        if 'hold' in call.script:
            call.receive(call.script['hold'])
    for call in calls:
        if 'hold' in call.script:
            call.ready.set()
    readers = [threading.Thread(target=call.receive) for call in calls]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return [call.seen() for call in calls]


def call(address):
    output, channel = Output(), None
    for line in sys.stdin:
        script = json.loads(line)
        if 'channel' in script:
            options = {'grpc.use_local_subchannel_pool': 1, 'grpc.default_authority': 'conformance.test'}
            channel = grpc.insecure_channel(address, UNLIMITED + list({**options, **script['channel']}.items()))
        output.say(run(channel, script['calls']))


if __name__ == '__main__':
    logging.basicConfig()
    main(serve, call)
