"""Threat class 27, poisoning and deception: no request makes the cache give others what they did not ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from apim_sdk.testing import Answer as Reply
from support.cached_gateway import CachedGateway, echo, within

PUBLIC = "scope: public"


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Forwarded-Scheme",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-Host",
        "Forwarded",
    ],
)
def test_forwarding_headers_of_a_client_reach_no_answer(tmp_path: Path, header: str) -> None:
    async def scenario(gateway: CachedGateway) -> bytes:
        await gateway.ask(**{header: "evil.example"})
        return (await gateway.ask()).body

    assert b"evil" not in within(tmp_path, scenario, PUBLIC)


def test_the_host_is_part_of_the_key(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        return [await gateway.reaches(Host=host) for host in ("evil.example", "good.example", "evil.example")]

    assert [True, True, False] == within(tmp_path, scenario, PUBLIC)


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_request_that_is_another_one_to_the_backend_fills_nothing(tmp_path: Path, header: str) -> None:
    async def scenario(gateway: CachedGateway) -> bytes:
        await gateway.ask(**{header: "DELETE"})
        return (await gateway.ask()).body

    assert b"DELETE" not in within(tmp_path, scenario, PUBLIC)


def test_a_get_with_a_body_fills_nothing(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        await gateway.served.call("GET", "/api/x", data=b"evil=1")
        return [await gateway.reaches(), await gateway.reaches()]

    assert [True, False] == within(tmp_path, scenario, PUBLIC)


def test_headers_that_are_in_no_key_change_no_stored_answer_where_they_are_kept_from_the_backend(
    tmp_path: Path,
) -> None:
    async def scenario(gateway: CachedGateway) -> bytes:
        await gateway.ask(X_Evil="<script>", Accept_Language="evil")
        return (await gateway.ask()).body

    body = within(tmp_path, scenario, f"{PUBLIC}, unkeyed: remove")

    assert b"evil" not in body.lower()


def test_headers_that_are_in_no_key_never_replace_an_answer_that_is_there(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> list[bytes]:
        first = (await gateway.ask()).body
        no_cache = {"Cache_Control": "no-cache", "Pragma": "no-cache", "X_Evil": "evil"}
        return [first, (await gateway.ask(**no_cache)).body, (await gateway.ask()).body]

    first, second, third = within(tmp_path, scenario, PUBLIC)

    assert first == second == third


def test_what_varies_by_a_header_that_the_gateway_adds_is_for_one_client(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        return [await gateway.reaches(), await gateway.reaches()]

    for name in ("X-Forwarded-For", "Via", "*"):
        assert [True, True] == within(tmp_path, scenario, PUBLIC, echo(Vary=name))


@pytest.mark.parametrize("status", [400, 403, 404, 413, 431, 500, 502, 503])
def test_an_error_that_one_client_provokes_is_not_kept_for_the_others(tmp_path: Path, status: int) -> None:
    async def scenario(gateway: CachedGateway) -> list[int]:
        return [(await gateway.ask()).status, (await gateway.ask()).status]

    settings = f"{PUBLIC}, ttl: 1m, heuristic: 0.5"
    error = Reply(status, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"})
    assert [status, 200] == within(tmp_path, scenario, settings, error, Reply(200))


@pytest.mark.parametrize("path", ["/account/x.css", "/account%2fx.css", "/account;x.css", "/account/%2e%2e/x.css"])
def test_an_address_that_looks_like_a_file_makes_no_private_answer_public(tmp_path: Path, path: str) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        await gateway.ask(path, Cookie="session=anna")
        before = len(gateway.backend.requests)
        body = (await gateway.ask(path)).body
        return [b"session=anna" in body, len(gateway.backend.requests) == before and b"HTTP/1.1" in body]

    assert [False, False] == within(tmp_path, scenario, PUBLIC, echo(Content_Type="text/css"))


def test_a_query_is_told_apart_by_every_byte(tmp_path: Path) -> None:
    queries = ["/x?a=1&b=2", "/x?b=2&a=1", "/x?a=1;b=2", "/x?a=1&a=2&b=2", "/x?A=1&b=2", "/x?a=1&b=2&utm=evil"]

    async def scenario(gateway: CachedGateway) -> list[bool]:
        return [await gateway.reaches(query) for query in queries]

    assert [True] * len(queries) == within(tmp_path, scenario, PUBLIC)


def test_a_truncated_answer_is_given_to_nobody_else(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> bytes:
        with pytest.raises(Exception):  # noqa: B017, PT011  # the connection breaks
            await gateway.ask()
        return (await gateway.ask()).body

    headers = {"Cache-Control": "max-age=60"}
    broken = Reply(200, headers, [b"a" * 100_000, b"b"], broken=True)
    assert b"whole" == within(tmp_path, scenario, PUBLIC, broken, Reply(200, headers, "whole"))


def test_the_cache_is_bounded_whatever_is_asked_for(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> bytes:
        for number in range(300):
            await gateway.ask(f"/{number}", X_Filler="x" * 4000)
        return gateway.served.gateway.metrics.exposition()

    metrics = within(tmp_path, scenario, f"{PUBLIC}, max_size: 256KiB")
    (evicted,) = [line for line in metrics.decode().splitlines() if line.startswith("apim_cache_evictions_total{")]

    assert float(evicted.rpartition(" ")[2]) > 200
