"""grpc_test.py BUILD CLIENT SERVER: gRPC between two kinds of peers (cpp, python, h2)."""
import sys
import unittest

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

from arms import Programs
from cases import GRPC
from suite import tests_of

if __name__ == '__main__':
    build, client, server = (sys.argv.pop(1) for _ in range(3))
    PairTest = tests_of(Programs(build), client, server, GRPC)
    unittest.main()
