"""The http endpoint sends a request on to a backend, through the whole gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from apim_endpoints.http import HTTP
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, build, make_exchange, started
from apim_sdk.testing.backend import FakeBackend, Reply
from support.gateway import Answer as Answered
from support.gateway import api, run, serving


def target(url: str, path: str, query: str = "") -> str:
    """What is asked of a backend with this URL, for a path behind the API's context and a query."""
    upstream = FakeEndpoint()
    endpoint = build(HTTP, {"url": url})
    context = FakeContext(upstreams={url: upstream})

    async def send() -> None:
        async with started(endpoint, context):
            await endpoint.send(make_exchange(f"GET /x?{query}" if query else "GET /x", endpoint_path=path))

    asyncio.run(send())
    (received,) = upstream.received
    return received.target


@pytest.mark.parametrize(
    ("url", "path", "query", "expected"),
    [
        ("http://b", "/orders/5", "", "/orders/5"),
        ("http://b/", "/orders/5", "", "/orders/5"),
        ("http://b/v2", "/orders/5", "", "/v2/orders/5"),
        ("http://b/v2/", "/", "", "/v2/"),
        ("http://b", "/orders", "a=1&b=%20", "/orders?a=1&b=%20"),
        ("http://b/?key=k", "/orders", "", "/orders?key=k"),
        ("http://b/v2?key=k", "/orders", "a=1", "/v2/orders?key=k&a=1"),
    ],
)
def test_the_path_behind_the_context_is_appended_to_the_url(url: str, path: str, query: str, expected: str) -> None:
    assert expected == target(url, path, query)


@pytest.mark.parametrize("url", ["", "b", "ftp://b/", "http://", "//b/", "unix:/run/b"])
def test_what_is_no_url_of_a_backend_is_refused(url: str) -> None:
    with pytest.raises(Exception, match="is no URL of a backend: write http://host:port/path or https://"):
        build(HTTP, {"url": url})


@pytest.mark.parametrize("url", ["http://b/#part", "http://user:secret@b/"])
def test_a_url_with_what_no_backend_gets_to_see_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(Exception, match="the URL of a backend has no fragment and no user name") as caught:
        build(HTTP, {"url": url})
    assert "secret" not in str(caught.value)


def through_the_gateway(folder: Path, *replies: Reply, settings: str = "", **call: Any) -> tuple[Answered, FakeBackend]:
    """The answer to a call, and the backend that it went to."""

    async def scenario() -> tuple[Answered, FakeBackend]:
        async with FakeBackend(*replies) as backend:
            text = api(endpoint=f"{{http: {{url: '{backend.url}/v1'{settings}}}}}")
            async with serving(text, folder) as served:
                return await served.call(call.pop("method", "GET"), call.pop("path", "/api/items/7"), **call), backend

    answer: tuple[Answered, FakeBackend] = run(scenario())
    return answer


def test_request_and_answer_go_through(tmp_path: Path) -> None:
    answer, backend = through_the_gateway(
        tmp_path,
        Answer(201, {"X-Made": "yes"}, b"made"),
        method="POST",
        path="/api/items?page=2",
        data=b"payload",
        headers={"X-Kept": "1"},
    )
    assert (201, "yes", b"made") == (answer.status, answer.headers["X-Made"], answer.body)
    (request,) = backend.requests
    assert ("POST", "/v1/items?page=2", b"payload") == (request.method, request.target, request.body)
    assert "1" == request.headers["X-Kept"]


def test_the_backend_learns_who_the_client_is(tmp_path: Path) -> None:
    _, backend = through_the_gateway(tmp_path)
    headers = backend.requests[0].headers
    assert ("127.0.0.1", "http") == (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"])


@pytest.mark.parametrize("preserve", [False, True])
def test_the_host_is_the_backends_unless_the_clients_is_to_be_kept(tmp_path: Path, preserve: bool) -> None:
    settings = ", preserve_host: true" if preserve else ""
    _, backend = through_the_gateway(tmp_path, settings=settings, headers={"Host": "shop.example"})
    host = backend.requests[0].headers["Host"]
    assert preserve == (host == "shop.example")
    assert preserve != host.startswith("127.0.0.1:")


def test_a_backend_that_breaks_off_is_a_502(tmp_path: Path) -> None:
    answer, _ = through_the_gateway(tmp_path, None)
    assert (502, "101505") == (answer.status, answer.json["code"])


def test_a_backend_that_is_not_there_is_a_502(tmp_path: Path) -> None:
    async def scenario() -> Answered:
        async with FakeBackend() as there:
            gone = there.url
        async with serving(api(endpoint=f"{{http: {{url: '{gone}'}}}}"), tmp_path) as served:
            return await served.get("/api/items/7")

    answer = run(scenario())
    assert (502, "101503") == (answer.status, answer.json["code"])


def test_endpoints_of_one_origin_share_their_connections(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with FakeBackend() as backend:
            text = f"""
                management: {{enabled: false}}
                apis:
                  - name: items
                    context: /api
                    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
                    operations:
                      - {{match: GET /a, endpoint: {{http: {{url: '{backend.url}/a'}}}}}}
                      - {{match: GET /b, endpoint: {{http: {{url: '{backend.url}/b'}}}}}}
            """
            async with serving(text, tmp_path) as served:
                for path in ("/api/a", "/api/b"):
                    assert 200 == (await served.get(path)).status
            return backend.connections

    assert 1 == run(scenario())


def test_a_reload_keeps_the_connections(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with FakeBackend() as backend:
            text = api(endpoint=f"{{http: {{url: '{backend.url}'}}}}")
            async with serving(text, tmp_path) as served:
                await served.get("/api/items/7")
                await served.reload(text)
                await served.get("/api/items/7")
            return backend.connections

    assert 1 == run(scenario())
