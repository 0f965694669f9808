"""What counter stores do in a second is measured by decisions that are made."""

from __future__ import annotations

from argparse import Namespace

from bench.counters import run, table


def test_both_stores_are_measured_and_shown() -> None:
    options = Namespace(algorithms="gcra", callers="8", seconds=0.05, rounds=1)

    figures = run(options)

    assert ["node", "redis-counters"] == [each.store for each in figures]
    assert all(each.rate > 0 and each.cpu > 0 for each in figures)
    assert 4 == len(table(figures).splitlines())
