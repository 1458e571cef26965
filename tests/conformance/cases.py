"""What is run in every arm. README.md explains the scripts that the peers obey."""
import base64
import json
import os
from dataclasses import dataclass, field

API = ('cpp', 'python')  # peers that use a gRPC library
EVERY_PAIR = tuple((client, server) for client in API for server in API)
MANY = 100_000
# Python needs seconds for each ten thousand; the long stage takes them.
MANY_IN_PYTHON = MANY if os.environ.get('FEDCARBON_LONG') == '1' else 10_000
BIG = 64 << 20


@dataclass
class Case:
    name: str
    lines: list  # for the client, one after the other; 'told': until the server has told of a call; 'restart': of the
                 # server, which has ended itself
    pairs: tuple = EVERY_PAIR  # of client and server
    server_arguments: dict = field(default_factory=dict)  # of its gRPC library; the h2 peer's SETTINGS
    reported: int = None  # calls of which the server tells; all
    varies: frozenset = frozenset()  # what may differ from run to run, such as 'client.sent'
    statuses: dict = field(default_factory=dict)  # by observer, which it may see where that is not what the client saw
    unrecorded: dict = field(default_factory=dict)  # by observer, methods of calls that it cannot have told of
    cuts: bool = False  # a connection, so that what was under way on it is lost

    @property
    def scripts(self):
        """Of every call."""
        return [call for line in self.lines if not isinstance(line, str) for call in line['calls']
                for _ in range(call.get('times', 1))]

    @property
    def methods(self):
        return {call['method'] for call in self.scripts}


def case(name, kind='BidiStream', channel=None, service='conformance', varies=(), pairs=EVERY_PAIR, server_arguments=None,
         reported=None, statuses=None, **call):
    """One call, or `times` at once, on a connection of their own."""
    line = {'channel': channel or {}, 'calls': [{'method': f'/{service}.{name}/{kind}', **call}]}
    return Case(name, [line], pairs, server_arguments or {}, reported, frozenset(varies), statuses or {})


METADATA = [['text', 'value'], ['repeated', 'first'], ['repeated', 'second'], ['repeated', 'first'],
            ['empty', ''], ['blank', 'a b  c'], ['long', 'x' * 4000], ['one-bin', 'AA'], ['two-bin', 'AAECAwD//g'],
            ['repeated-bin', '/w'], ['repeated-bin', 'AA'], ['empty-bin', ''], ['lines-bin', 'DQoNCgA']]
# A google.rpc.Status with code 9, a message and a detail.
STATUS_DETAILS = ['grpc-status-details-bin', 'CAkSBGxvbmcaBAoCb2s']
DETAILS = 'not "now":\t50 % of ä, ☃ and 😀\n'

WHOLE_CALLS = [
    case('unary', 'Unary', send=[[1, 1000]]),
    case('unary.empty', 'Unary', send=[[1, 0]]),
    case('unary.big', 'Unary', send=[[1, BIG]]),
    case('client-stream.none', 'ClientStream', send=[], server={'answers': [[1, 10]]}),
    case('client-stream.one', 'ClientStream', send=[[1, 10]], server={'answers': [[1, 0]]}),
    case('client-stream.many', 'ClientStream', send=[[50, 10], [50, 0], [3, 100_000]], server={'answers': [[1, 1000]]}),
    case('server-stream.none', 'ServerStream', send=[[1, 10]], server={'answers': []}),
    case('server-stream.one', 'ServerStream', send=[[1, 0]], server={'answers': [[1, 10]]}),
    case('server-stream.many', 'ServerStream', send=[[1, 10]], server={'answers': [[50, 10], [50, 0], [3, 100_000]]}),
    case('bidi.none', send=[]),
    case('bidi.none-at-all', send=[], server={'answers': []}),
    case('bidi.one', send=[[1, 1]]),
    case('bidi.many', send=[[100, 10], [100, 0], [3, 100_000], [10, 5]]),
    case('bidi.big', send=[[1, 1], [2, BIG], [1, 1]], pairs=(('cpp', 'cpp'),)),
    case('bidi.long', send=[[MANY, 10]], pairs=(('cpp', 'cpp'),)),
    case('server-stream.long', 'ServerStream', send=[[1, 0]], server={'answers': [[MANY_IN_PYTHON, 10]]},
         pairs=(('cpp', 'python'), ('python', 'cpp'))),
    case('client-stream.long', 'ClientStream', send=[[MANY_IN_PYTHON, 10]], server={'answers': [[1, 0]]},
         pairs=(('cpp', 'python'), ('python', 'cpp'))),
    case('half-close', send=[[3, 100]], server={'answers': [[3, 100]]}),
    case('metadata', 'Unary', send=[[1, 10]], metadata=METADATA, server={'initial': METADATA, 'trailing': METADATA}),
    case('metadata.stream', send=[[3, 10]], metadata=METADATA, server={'initial': METADATA, 'trailing': METADATA}),
    case('metadata.empty', send=[[1, 10]], server={'initial': []}),
    case('gzip', send=[[1, 10], [3, 10_000], [1, 0]], gzip=True, server={'gzip': True}),
    case('gzip.up', 'Unary', send=[[1, 100_000]], gzip=True, server={}),
    case('gzip.down', 'Unary', send=[[1, 100_000]], server={'gzip': True}),
    case('concurrent.1000', send=[[1, 100]], hold=1, times=1000, channel={'grpc.max_concurrent_streams': 2000}),
    case('concurrent.limited', send=[[3, 100]], times=50, server_arguments={'grpc.max_concurrent_streams': 5},
         pairs=(('cpp', 'cpp'), ('python', 'cpp'))),  # grpcio's server refuses some streams, at times
]

FAILING_CALLS = [
    case('status.trailers-only', 'Unary', send=[[1, 10]], server={'read': 0, 'answers': [], 'status': [5, DETAILS]}),
    case('status.after-initial', 'Unary', send=[[1, 10]], server={'initial': METADATA, 'answers': [], 'status': [9, '']}),
    case('status.after-messages', send=[[2, 10]], server={'status': [8, DETAILS], 'trailing': METADATA}),
    case('status.details', 'Unary', send=[[1, 10]],
         server={'answers': [], 'status': [9, 'long'], 'trailing': [STATUS_DETAILS]}),
    Case('status.all', [{'channel': {}, 'calls': [
        {'method': f'/conformance.status.{code}/Unary', 'send': [[1, 10]],
         'server': {'answers': [], 'status': [code, f'status {code}']}} for code in range(1, 17)]}]),
    case('early-status', send=[[100, 100_000]], server={'read': 3, 'status': [11, 'enough']},
         varies=['client.sent']),
    case('early-status.ok', send=[[100, 100_000]], server={'read': 3}, varies=['client.sent']),
    case('early-status.unread', send=[[3, 100]], half_close=False,
         server={'read': 0, 'answers': [], 'status': [16, 'who are you?']}, varies=['client.sent']),
    case('deadline', send=[[1, 10]], half_close=False, deadline_ms=300, server={'read': 1, 'hang': True},
         statuses={'server-interceptor': {1}, 'client-proxy': {1, 4}, 'server-proxy': {1, 4}}, varies=['client.details']),
    case('deadline.unused', 'Unary', send=[[1, 10]], deadline_ms=100_000),
    case('cancel.client', send=[[3, 10]], half_close=False, cancel_after=3, server={'read': 3, 'hang': True}),
    case('cancel.client.flow', 'ServerStream', send=[[1, 0]], cancel_after=10,
         server={'answers': [[MANY, 1000]], 'hang': True}, varies=['client.received', 'server.sent']),
    case('cancel.server', send=[[3, 10]], half_close=False, server={'read': 3, 'cancel': True}),
    case('unknown.service', 'Unary', service='nowhere', send=[[1, 10]], reported=0),
    case('unknown.stream', service='nowhere', send=[[3, 10]], reported=0, varies=['client.sent']),
]

KEEPALIVE = {'grpc.keepalive_time_ms': 100, 'grpc.keepalive_timeout_ms': 60_000, 'grpc.http2.max_pings_without_data': 0,
             'grpc.http2.min_time_between_pings_ms': 100}

CONNECTIONS = [
    # The server ends itself in a call, is away during the next one, and back for the last.
    Case('restart', [
        {'channel': {'grpc.initial_reconnect_backoff_ms': 100, 'grpc.min_reconnect_backoff_ms': 100,
                     'grpc.max_reconnect_backoff_ms': 100},
         'calls': [{'method': '/conformance.restart.before/Unary', 'send': [[1, 10]]}]},
        'told',
        {'calls': [{'method': '/conformance.restart.crash/BidiStream', 'send': [[1, 10]], 'half_close': False,
                    'server': {'read': 1, 'answers': [], 'exit': True}}]},
        {'calls': [{'method': '/conformance.restart.away/Unary', 'send': [[1, 10]]}]},
        'restart',
        {'calls': [{'method': '/conformance.restart.after/Unary', 'send': [[1, 10]], 'wait_for_ready': True}]}],
         reported=2,
         varies=frozenset(['client.details']), cuts=True,
         unrecorded={'client-proxy': ['/conformance.restart.away/Unary'],  # found no upstream: nothing passed
                     'server-proxy': ['/conformance.restart.away/Unary'],
                     'server-interceptor': ['/conformance.restart.before/Unary']},  # died with its program
         statuses={'client-proxy': {0, 1}, 'server-proxy': {0, 1}}),
]


# What no gRPC library lets one say, or see: the h2 peer frames it.

def request(name, server, *fields):
    """The step that begins a call to the peer of which `server` is the script."""
    script = base64.b64encode(json.dumps(server).encode()).decode().rstrip('=')
    return {'headers': [[':method', 'POST'], [':scheme', 'http'], [':path', f'/conformance.{name}/BidiStream'],
                        [':authority', 'conformance.test'], ['te', 'trailers'], ['content-type', 'application/grpc'],
                        *fields, ['script-bin', script]]}


def wire(name, steps, answer, *fields, pairs=(('h2', 'h2'),), settings=None, server_settings=None):
    """A call whose client does `steps` after its request, and whose server does `answer`."""
    server = {'steps': answer} if pairs == (('h2', 'h2'),) else answer
    steps = [request(name, server, *fields), *steps] + [{'await': ['end']}] * ('rst' not in steps[-1])
    call = {'method': f'/conformance.{name}/BidiStream', 'steps': steps, 'server': server}
    return Case(name, [{'channel': settings or {}, 'calls': [call]}], pairs, server_settings or {})


def end(*fields):
    return {'headers': list(fields) or [['grpc-status', '0']], 'end': True}


ANSWER = {'headers': [[':status', '200'], ['content-type', 'application/grpc']]}
GZIP_ANSWER = {'headers': [*ANSWER['headers'], ['grpc-encoding', 'gzip']]}
TO_H2 = (('cpp', 'h2'), ('python', 'h2'))
FROM_H2 = (('h2', 'cpp'), ('h2', 'python'))
# Header fields in their order: duplicates, a value that is empty, binary ones in base64, padded and not, and raw (a
# zero, then bytes as they are), which C-core sends to those that announce that they know it.
FIELDS = [['repeated', 'first'], ['other', ''], ['repeated', 'second'], ['repeated', 'first'], ['padded-bin', 'AA=='],
          ['bare-bin', 'AA'], ['raw-bin', '\x00\r\n\xff\x00raw'], ['long', 'x' * 8_000]]
RAW_BINARY = {0xfe03: 1}  # of SETTINGS: GRPC_ALLOW_TRUE_BINARY_METADATA

WIRE = [
    wire('wire.gzip', [{'messages': [[3, 10_000], [1, 0]], 'gzip': True, 'end': True}],
         [{'await': ['end']}, GZIP_ANSWER, {'messages': [[1, 0], [2, 50_000]], 'gzip': True}, end()],
         ['grpc-encoding', 'gzip']),
    wire('wire.small-frames', [{'messages': [[2, 100]], 'frame': 1, 'end': True}],
         [{'await': ['messages', 2]}, ANSWER, {'messages': [[3, 7]], 'frame': 4}, end()]),
    wire('wire.full-frames', [{'messages': [[500, 3]], 'end': True}],
         [{'await': ['end']}, ANSWER, {'messages': [[1, 100_000], [500, 0]]}, end()]),
    wire('wire.padding', [{'messages': [[5, 1000]], 'pad': 255, 'frame': 600, 'end': True}],
         [{'await': ['end']}, ANSWER, {'messages': [[5, 1000]], 'pad': 0}, end()]),
    wire('wire.fields', [{'messages': [[1, 10]], 'end': True}],
         [{'await': ['end']}, {'headers': [*ANSWER['headers'], *FIELDS]}, {'messages': [[1, 10]]},
          end(['grpc-status', '0'], *FIELDS)], *FIELDS),
    wire('wire.trailers-only', [{'messages': [[1, 10]], 'end': True}],
         [{'await': ['end']}, end(*ANSWER['headers'], ['grpc-status', '5'], ['grpc-message', 'not%20here'])]),
    wire('wire.trailers-first', [{'messages': [[1, 10]]}, {'await': ['end']}, {'messages': [[1, 20]], 'end': True}],
         [{'await': ['messages', 1]}, ANSWER, end(), {'await': ['messages', 2]}]),
    wire('wire.reset.client', [{'messages': [[2, 1000]], 'cut': 1505}, {'await': ['headers', 1]}, {'rst': 8}],
         [ANSWER, {'await': ['reset']}]),
    wire('wire.reset.server', [{'messages': [[1, 10]]}, {'await': ['reset']}],
         [{'await': ['messages', 1]}, ANSWER, {'messages': [[2, 500]], 'cut': 700}, {'rst': 11}]),
    wire('wire.pings', [{'ping': 'ping 123'}, {'await': ['pong']}, {'messages': [[1, 10]], 'end': True}],
         [{'ping': 'ping 456'}, {'await': ['pong']}, {'await': ['end']}, ANSWER, {'messages': [[1, 10]]}, end()]),
    wire('wire.no-status', [{'messages': [[1, 10]], 'end': True}],
         [{'await': ['end']}, ANSWER, {'messages': [[1, 10]], 'end': True}]),
    wire('wire.table', [{'messages': [[1, 10]], 'end': True}],
         [{'await': ['end']}, {'headers': [*ANSWER['headers'], *FIELDS]}, {'messages': [[1, 10]]}, end()], *FIELDS,
         settings={1: 0}, server_settings={1: 65_536}),
    # Libraries at the other end.
    wire('wire.gzip.up', [{'messages': [[3, 10_000]], 'gzip': True, 'end': True}],
         {'answers': [[1, 10]]}, ['grpc-encoding', 'gzip'], pairs=FROM_H2),
    wire('wire.fields.up', [{'messages': [[1, 10]], 'end': True}],
         {'initial': METADATA, 'trailing': METADATA}, *FIELDS[:6], pairs=FROM_H2),
    wire('wire.fields.raw', [{'messages': [[1, 10]], 'end': True}],
         {'initial': METADATA, 'trailing': METADATA}, *FIELDS[:6], pairs=FROM_H2, settings=RAW_BINARY),
    case('wire.gzip.down', 'ServerStream', send=[[1, 10]], pairs=TO_H2, server={'steps': [
        {'await': ['end']}, GZIP_ANSWER, {'messages': [[3, 10_000], [1, 0]], 'gzip': True}, end()]}),
    case('wire.fields.down', send=[[1, 10]], pairs=TO_H2, metadata=METADATA, server_arguments=RAW_BINARY, server={'steps': [
        {'await': ['end']}, {'headers': [*ANSWER['headers'], *FIELDS[:6]]}, {'messages': [[1, 10]]},
        end(['grpc-status', '0'], *FIELDS[:6])]}),
    case('wire.keepalive', send=[[1, 10]], pairs=TO_H2, channel=KEEPALIVE, server={'steps': [
        {'await': ['ping', 2]}, {'ping': 'ping 789'}, {'await': ['pong']}, {'await': ['end']}, ANSWER,
        {'messages': [[1, 10]]}, end()]}),
    Case('wire.goaway', [
        {'channel': {}, 'calls': [{'method': '/conformance.wire.goaway.first/BidiStream', 'send': [[3, 10]], 'server': {
            'steps': [{'await': ['messages', 1]}, {'goaway': [0, 'moving']}, {'await': ['end']}, ANSWER,
                      {'messages': [[2, 10]]}, end()]}}]},
        {'calls': [{'method': '/conformance.wire.goaway.second/BidiStream', 'send': [[1, 10]], 'server': {
            'steps': [{'await': ['end']}, ANSWER, {'messages': [[1, 10]]}, end()]}}]}], TO_H2),
]

GRPC = WHOLE_CALLS + FAILING_CALLS + CONNECTIONS + WIRE
