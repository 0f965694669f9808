"""The exchanges that plugins are examined with: what an API sees in a day, some of it odd."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import attrs

from apim_sdk.exchange import Exchange
from apim_sdk.streams import Direction, MessageKind
from apim_sdk.testing.endpoint import Answer
from apim_sdk.testing.exchanges import Content, Fields, make_exchange

__all__ = ["ANSWERS", "BODIES", "CREDENTIAL", "MESSAGES", "REQUESTS", "Sample", "splits"]

CREDENTIAL = "b3BlbiBzZXNhbWUgYW5kIHRlbGwgbm9ib2R5"
"""What the samples present as a credential; nothing may show it."""


@attrs.frozen
class Sample:
    """A request to make exchanges of."""

    line: str
    headers: Fields = ()
    body: bytes = b""

    def exchange(self, body: Content | None = None) -> Exchange:
        """A new exchange; its body may come another way."""
        return make_exchange(self.line, self.headers, self.body if body is None else body, plan="gold")


BODIES: Sequence[tuple[str, bytes]] = (
    ("application/json", '{"id": 7, "name": "Zoë", "tags": ["a", "b"], "card": "4111 1111 1111 1111"}'.encode()),
    ("text/plain; charset=utf-8", "naïve café — 日本語 and 🙂, twice: naïve café".encode()),
    ("application/xml", b"<?xml version='1.0'?><order id='7'><item>tea &amp; milk</item></order>"),
    ("application/octet-stream", bytes(range(256))),
    ("application/x-www-form-urlencoded", b"a=1&b=two+words&a=%C3%A9"),
)
"""Bodies with their media type."""

REQUESTS: Sequence[Sample] = (
    Sample("GET /"),
    Sample(
        "GET /orders/7?x=1&x=2&empty=&%22quoted%22=%20", [("Accept", "application/json"), ("X-A", "1"), ("x-a", "2")]
    ),
    Sample("HEAD /orders", {"User-Agent": "conformance"}),
    Sample(
        "OPTIONS /orders",
        {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "x-a",
        },
    ),
    Sample(
        "GET /orders",
        {
            "Authorization": f"Bearer {CREDENTIAL}",
            "X-API-Key": CREDENTIAL,
            "Cookie": f"session={CREDENTIAL}; theme=dark",
        },
    ),
    Sample(
        "GET /orders", {"Authorization": "Basic !not/base64", "X-API-Key": "", "Cookie": ";;=;a", "X-Odd": "\xe9\xff"}
    ),
    Sample("DELETE /orders/%E2%82%AC"),
    *(Sample("POST /orders?dry=1", {"Content-Type": kind}, body) for kind, body in BODIES),
)
"""Requests that a strict parser lets through."""

MESSAGES: Sequence[tuple[Direction, MessageKind, bytes]] = (
    ("to_backend", "text", b""),
    ("to_backend", "text", BODIES[0][1]),
    ("to_backend", "binary", bytes(range(256))),
    ("to_client", "text", BODIES[1][1]),
    ("to_client", "binary", b""),
    ("to_client", "event", b'{"price": 7}\nsecond line'),
    ("to_client", "event", b"\xff"),
)
"""Messages of streams."""


ANSWERS: Sequence[Answer] = (
    Answer(200, {"Content-Type": "application/json", "Server": "backend"}, b'{"id": 7}'),
    Answer(204),
    Answer(304, {"ETag": '"7"'}),
    Answer(200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Odd", "\xe9")], [b"in ", b"chunks"]),
    Answer(404, {"Content-Type": "text/plain"}, b"no such order"),
    Answer(500),
)
"""Answers of an endpoint."""


def splits(content: bytes) -> Iterator[tuple[bytes, ...]]:
    """Ways to split a body: in one, byte by byte, in halves, and some that chance chose, the same ones every time."""
    yield (content,)
    yield tuple(content[place : place + 1] for place in range(len(content)))
    yield (content[: len(content) // 2], content[len(content) // 2 :])
    chance = random.Random(len(content))  # noqa: S311  # no secret: the same splits in every run
    for count in (2, 5, 17):
        cuts = sorted({chance.randrange(1, len(content)) for _ in range(min(count, len(content) - 1))})
        yield tuple(content[start:end] for start, end in zip((0, *cuts), (*cuts, len(content)), strict=True))
