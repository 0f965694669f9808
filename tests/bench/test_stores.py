"""What stores do in a second is measured by calls that are made."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.stores import contestants, measure, table


def test_stores_without_a_server_are_measured_and_shown(tmp_path: Path) -> None:
    chosen = contestants(tmp_path, None, None)
    figures = [asyncio.run(measure(each, 0.01, 1)) for each in chosen]

    assert ["memory", "sqlite", "sqlite, durable: false"] == [each.store for each in figures]
    assert all(rate > 0 for each in figures for rates in (each.alone, each.together) for rate in rates.values())
    assert [None, True, True] == [each.other_ms and each.other_ms["median"] > 0 for each in figures]
    assert 5 == len(table(figures).splitlines())
