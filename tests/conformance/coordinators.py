"""What a node reports to: the real coordinator, and one that keeps what it is told."""
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from facts import Facts
from fedcarbon.v1 import facts_pb2, report_pb2
from node import lost_in
from processes import Process


class Coordinator:
    """The real one. Its database is in the folder's `data`."""

    def __init__(self, programs, folder):
        self.process = Process([programs.build / 'bin/fedcarbon-coordinator', '--data', folder / 'data', '--grpc',
                                '127.0.0.1:0', '--http', '127.0.0.1:0'], folder / 'coordinator.log')
        self.grpc = self.process.line().split()[1]

    def stop(self):
        self.process.terminate()
        self.process.expect_success()


class Notebook:
    """Acknowledges every batch at once, and keeps it. At an address of its own, or in the place of another."""

    def __init__(self, address='127.0.0.1:0', batches=None):
        self.batches = {} if batches is None else batches  # by epoch and sequence
        self.lock = threading.Lock()
        report = grpc.stream_stream_rpc_method_handler(self.report, report_pb2.ReportRequest.FromString,
                                                       report_pb2.ReportResponse.SerializeToString)
        self.server = grpc.server(ThreadPoolExecutor(), options=[('grpc.so_reuseport', 0)])
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler('fedcarbon.v1.ReportService',
                                                                                   {'Report': report})])
        self.address = f'127.0.0.1:{self.server.add_insecure_port(address)}'
        self.server.start()

    def report(self, requests, _):
        for request in requests:
            if request.HasField('greeting'):
                watermark = request.greeting.oldest_sequence - 1
            else:
                sealed = facts_pb2.SealedBatch.FromString(request.sealed_batch)
                batch = facts_pb2.Batch.FromString(sealed.batch)
                watermark = batch.sequence
                with self.lock:
                    self.batches[batch.epoch, batch.sequence] = batch
            yield report_pb2.ReportResponse(watermark=watermark, request_sent_us=request.sent_us)

    def known(self):
        with self.lock:
            return list(self.batches.values())

    def facts(self):
        facts = Facts()
        for batch in self.known():
            facts.add(batch)
        return facts

    def lost(self):
        return lost_in(self.known())

    def stop(self):
        self.server.stop(None).wait()
