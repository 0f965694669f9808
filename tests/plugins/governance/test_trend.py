"""Trends: scores in a store, bounded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from apim_governance.findings import NOWHERE, Finding, Severity
from apim_governance.reports import APIReport, AssetReport
from apim_governance.trend import Trend
from apim_sdk import Store
from apim_sdk.testing import build
from apim_sdk.testing.context import FakeContext

NOW = datetime(2026, 11, 30, tzinfo=UTC)


async def opened() -> Store:
    store = build("memory")
    assert isinstance(store, Store)
    await store.start(FakeContext())
    return store


def report(day: int, errors: int, api: str = "Orders") -> APIReport:
    finding = [Finding("rule", str(number), Severity.ERROR, (), NOWHERE) for number in range(errors)]
    return APIReport(str(day), api, NOW + timedelta(days=day), (AssetReport("a", "SWAGGER", tuple(finding)),))


def test_scores_are_kept_by_api_in_the_order_in_which_they_came() -> None:
    async def keep() -> None:
        trend = Trend(await opened())
        for day, errors in enumerate((3, 1, 0)):
            await trend.keep(report(day, errors))
        await trend.keep(report(9, 5, api="Users"))
        assert [(NOW, "0.74"), (NOW + timedelta(days=1), "0.90"), (NOW + timedelta(days=2), "1.00")] == [
            (point.created, str(point.score)) for point in await trend.of("Orders")
        ]
        assert () == await trend.of("Nobody")

    asyncio.run(keep())


def test_the_oldest_points_go_where_there_are_too_many() -> None:
    async def keep() -> None:
        trend = Trend(await opened(), most=2)
        for day, errors in enumerate((3, 2, 1)):
            await trend.keep(report(day, errors))
        assert [2, 1] == [point.counts.errors for point in await trend.of("Orders")]

    asyncio.run(keep())


def test_a_score_that_stays_adds_no_point() -> None:
    async def keep() -> None:
        trend = Trend(await opened())
        await trend.keep(report(0, 1))
        assert 1 == len(await trend.keep(report(1, 1)))

    asyncio.run(keep())


def test_points_that_come_at_once_are_all_kept() -> None:
    async def keep() -> None:
        store = await opened()
        await asyncio.gather(*(Trend(store).keep(report(day, day)) for day in range(8)))
        assert set(range(8)) == {point.counts.errors for point in await Trend(store).of("Orders")}

    asyncio.run(keep())
