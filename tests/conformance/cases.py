"""What is run in every arm. README.md explains the scripts that the peers obey."""
from dataclasses import dataclass, field

API = ('cpp', 'python')  # peers that use a gRPC library
EVERY_PAIR = tuple((client, server) for client in API for server in API)
MANY = 100_000
BIG = 64 << 20


@dataclass
class Case:
    name: str
    lines: list  # for the client, one after the other; 'restart': of the server, which has ended itself
    pairs: tuple = EVERY_PAIR  # of client and server
    server_arguments: dict = field(default_factory=dict)  # of its gRPC library; the h2 peer's SETTINGS
    reported: int = None  # calls of which the server tells; all
    varies: frozenset = frozenset()  # what may differ from run to run, such as 'client.sent'
    statuses: dict = field(default_factory=dict)  # by observer, where it sees another one than the client

    @property
    def calls(self):
        return sum(call.get('times', 1) for line in self.lines if line != 'restart' for call in line['calls'])

    @property
    def methods(self):
        return {call['method'] for line in self.lines if line != 'restart' for call in line['calls']}


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
    case('bidi.100000', send=[[MANY, 10]], pairs=(('cpp', 'cpp'),)),
    case('server-stream.100000', 'ServerStream', send=[[1, 0]], server={'answers': [[MANY, 10]]},
         pairs=(('cpp', 'python'), ('python', 'cpp'))),
    case('client-stream.100000', 'ClientStream', send=[[MANY, 10]], server={'answers': [[1, 0]]},
         pairs=(('cpp', 'python'), ('python', 'cpp'))),
    case('half-close', send=[[3, 100]], server={'answers': [[3, 100]]}),
    case('metadata', 'Unary', send=[[1, 10]], metadata=METADATA, server={'initial': METADATA, 'trailing': METADATA}),
    case('metadata.stream', send=[[3, 10]], metadata=METADATA, server={'initial': METADATA, 'trailing': METADATA}),
    case('metadata.empty', send=[[1, 10]], server={'initial': []}),
    case('gzip', send=[[1, 10], [3, 10_000], [1, 0]], gzip=True, server={'gzip': True}),
    case('gzip.up', 'Unary', send=[[1, 100_000]], gzip=True, server={}),
    case('gzip.down', 'Unary', send=[[1, 100_000]], server={'gzip': True}),
    case('concurrent.1000', send=[[1, 100]], hold=1, times=1000, channel={'grpc.max_concurrent_streams': 2000}),
    case('concurrent.limited', send=[[3, 100]], times=50, server_arguments={'grpc.max_concurrent_streams': 5}),
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
         statuses={'server-interceptor': 1, 'client-proxy': 1, 'server-proxy': 1}),
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
        {'calls': [{'method': '/conformance.restart.crash/BidiStream', 'send': [[1, 10]], 'half_close': False,
                    'server': {'read': 1, 'exit': True}}]},
        {'calls': [{'method': '/conformance.restart.away/Unary', 'send': [[1, 10]]}]},
        'restart',
        {'calls': [{'method': '/conformance.restart.after/Unary', 'send': [[1, 10]], 'wait_for_ready': True}]}],
         server_arguments={'grpc.max_connection_age_grace_ms': 60_000}, reported=2,
         varies=frozenset(['client.details'])),
]

GRPC = WHOLE_CALLS + FAILING_CALLS + CONNECTIONS
