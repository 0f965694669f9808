"""Reading the stacks of the sampler."""

from bench.profile import Hotspot, parse_stacks

STACKS = [
    'process 7:"apim run gateway.yaml";main (cli.py);serve (server.py) 1',
    'process 7:"apim run gateway.yaml";main (cli.py);serve (server.py);route (routing.py) 2',
    'process 7:"apim run gateway.yaml";main (cli.py);serve (server.py);serve (server.py) 1',
    'process 7:"apim run gateway.yaml";run (threading.py);_worker (concurrent/futures/thread.py:69) 90',
]


def test_the_hottest_by_own_time_come_first_recursion_counts_once_and_idle_threads_not_at_all():
    expected = (
        Hotspot("route (routing.py)", own=0.5, total=0.5),
        Hotspot("serve (server.py)", own=0.5, total=1.0),
        Hotspot("main (cli.py)", own=0.0, total=1.0),
    )
    assert set(expected) == set(parse_stacks(STACKS))
    assert [0.5, 0.5, 0.0] == [hotspot.own for hotspot in parse_stacks(STACKS)]
