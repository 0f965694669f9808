"""Pools of one process: shared between snapshots, counted beyond their end, and a call that comes back is cut."""

from __future__ import annotations

from pathlib import Path

from support.gateway import api, configuration, run, serving

from apim_core.http.upstream_settings import Origin, UpstreamSettings
from apim_core.upstreams import Upstreams


def test_the_counts_of_a_closed_pool_stay_in_the_totals() -> None:
    async def scenario() -> None:
        upstreams = Upstreams()
        opened = await upstreams.open(Origin("http", "127.0.0.1", 9), UpstreamSettings(), "here")
        opened.pool.counts.violations = 3
        assert 3 == upstreams.counts()["violations"]
        await opened.aclose()
        assert 3 == upstreams.counts()["violations"]

    run(scenario())


def test_endpoints_of_one_origin_and_settings_share_their_connections(tmp_path: Path) -> None:
    async def scenario() -> None:
        text = api(endpoint="{http: {url: 'http://127.0.0.1:9/a'}}")
        async with serving(text, tmp_path) as served:
            await served.gateway.reload(configuration(text.replace("9/a", "9/b"), tmp_path))
            assert 1 == len(served.gateway.upstreams._open)
            await served.gateway.reload(configuration(text.replace("9/a", "10/a"), tmp_path))
            assert 502 == (await served.get("/api/items/1")).status
            exposition = served.gateway.metrics.exposition()
            assert b'apim_upstream_total{event="connect_failures"} 1.0' in exposition
            assert b'apim_listener_total{event="connections"} 1.0' in exposition

    run(scenario())


def test_a_request_that_comes_back_to_the_gateway_is_cut(tmp_path: Path) -> None:
    """Threat class 9."""

    async def scenario() -> None:
        async with serving(api(), tmp_path) as served:
            text = api(endpoint=f"{{http: {{url: '{served.url}/api'}}}}")
            await served.reload(text)
            answer = await served.get("/api/items/1")
            assert (508, "508") == (answer.status, answer.json["code"])

    run(scenario())
