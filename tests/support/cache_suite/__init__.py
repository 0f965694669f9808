"""A runner of the published HTTP cache test-suite (http-tests/cache-tests), by what its test format means.

The suite's own runner on npm (http-cache-tests 0.4.5) is older than the tests: it lacks 36 of them and knows neither
interim answers nor slow ones. This one reads the exported tests, and plays origin server and client on real sockets.

    origin    answers as a test says, and notes what it was asked
    client    sends a test's requests, one after the other
    verdicts  compares what came with what was expected
"""

from support.cache_suite.client import Result, run_tests
from support.cache_suite.origin import Origin, origin
from support.cache_suite.tests import Test, read_tests

__all__ = ["Origin", "Result", "Test", "origin", "read_tests", "run_tests"]
