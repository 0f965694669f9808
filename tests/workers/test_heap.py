"""The garbage collector beside a large configuration. Each test has a process of its own: the collector is global."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(program: str) -> list[str]:
    """The words that a program writes, which has a heap and a class ``Snapshot``."""
    preparation = """
        import gc, weakref
        from apim_core.workers import heap as module
        from apim_core.workers.heap import Heap

        class Snapshot:
            pass

        heap = Heap()
    """
    text = textwrap.dedent(preparation) + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def test_collection_rests_while_something_is_built_and_goes_on_afterwards() -> None:
    assert run("""
        with heap.building():
            print(gc.isenabled())
        print(gc.isenabled())
    """) == ["False", "True"]


def test_the_young_are_looked_at_when_there_are_many_and_found_then() -> None:
    assert run("""
        def knot():
            snapshot = Snapshot()
            snapshot.itself = snapshot
            return weakref.ref(snapshot)

        gc.collect()
        first, kept = knot(), [[] for _ in range(5_000)]
        print(first() is None)
        kept += [[] for _ in range(6_000)]
        print(first() is None)
    """) == ["False", "True"]


def test_what_was_built_is_out_of_the_collectors_sight() -> None:
    assert run("""
        before = gc.get_freeze_count()
        with heap.building():
            kept = [[] for _ in range(50_000)]
        print(gc.get_freeze_count() - before >= 50_000, sum(len(gc.get_objects(n)) for n in range(3)) < 1_000)
    """) == ["True", "True"]


def test_a_large_heap_is_not_searched_while_replaced_snapshots_are_freed_by_themselves() -> None:
    assert run("""
        module._QUICKLY_SEARCHED = 0
        with heap.building():
            snapshot = Snapshot()
        heap.replaced(snapshot)
        del snapshot
        heap.sweep()
        print(gc.get_freeze_count() > 0)
    """) == ["True"]


def test_a_replaced_snapshot_that_refers_to_itself_is_found() -> None:
    assert run("""
        module._QUICKLY_SEARCHED = 0
        with heap.building():
            snapshot = Snapshot()
            snapshot.itself = snapshot
        heap.replaced(snapshot)
        seen = weakref.ref(snapshot)
        del snapshot
        print(seen() is None)
        heap.sweep()
        print(seen() is None)
    """) == ["False", "True"]


def test_what_the_start_made_stays_out_of_sight_and_what_a_small_reload_made_is_collected_as_ever() -> None:
    assert run("""
        with heap.building():
            pass
        with heap.building():
            other = Snapshot()
            other.itself = other
        seen = weakref.ref(other)
        del other
        frozen = gc.get_freeze_count()
        heap.sweep()
        print(gc.get_freeze_count() > frozen / 2 > 0, seen() is None)
        gc.collect()
        print(seen() is None)
    """) == ["True", "False", "True"]


def test_what_a_large_reload_made_is_put_out_of_sight_too() -> None:
    assert run("""
        module._QUICKLY_SEARCHED = 1_000
        with heap.building():
            pass
        before = gc.get_freeze_count()
        with heap.building():
            kept = [[] for _ in range(2_000)]
        print(gc.get_freeze_count() - before >= 2_000)
    """) == ["True"]


def test_bodies_reuse_the_memory_of_those_before_them() -> None:
    faults = run("""
        import resource

        def use():
            bodies = [bytes([number]) * 600_000 for number in range(10)]

        use()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            use()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    """)
    assert 1_000 > int(faults[0])  # a fault a page would make some 17,000
