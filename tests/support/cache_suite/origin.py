"""The origin server of the suite: answers each request as the test says, and notes what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import attrs

from support.cache_suite.tests import Fields, Step, fill_in

__all__ = ["Asked", "Origin", "origin"]


@attrs.frozen
class Asked:
    """One request that reached the origin; ``answered`` are the fields that the client must get."""

    number: int
    method: str
    headers: Fields
    answered: Sequence[tuple[str, str]]


class Origin:
    """What the tests say and what was asked, by the identifier in the path."""

    def __init__(self) -> None:
        self.port = 0
        self.steps: dict[str, Sequence[Step]] = {}
        self.asked: dict[str, list[Asked]] = {}

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection ends with it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = Fields([_pair(line) for line in head[1:] if line])
        await reader.readexactly(int(headers.get("content-length") or 0))
        identifier = target.partition("?")[0].split("/")[2]
        steps = self.steps[identifier]
        number = int(headers.get("req-num") or len(self.asked.get(identifier, ())) + 1)
        step = steps[number - 1]
        await asyncio.sleep(step.get("response_pause", 0))
        for interim in step.get("interim_responses", ()):
            status, *rest = interim
            lines = "".join(f"{name}: {value}\r\n" for name, value in (rest[0] if rest else ()))
            writer.write(f"HTTP/1.1 {status} Interim\r\n{lines}\r\n".encode())
        status, phrase = _status(step, steps[number - 2] if number > 1 else {}, headers)
        asked = self.asked.setdefault(identifier, [])
        fields, kept = _fields(step, target, len(asked) + 1, number)
        asked.append(Asked(number, method, headers, kept))
        if step.get("disconnect"):
            return False
        fields.append(("Request-Numbers", " ".join(str(each.number) for each in asked)))
        body = b"" if status in (204, 304) else (step.get("response_body") or identifier).encode()
        names = {name.lower() for name, _ in fields}
        if status not in (204, 304) and names.isdisjoint({"content-length", "transfer-encoding"}):
            fields.append(("Content-Length", str(len(body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        content = b"" if method == "HEAD" else body
        writer.write(f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1") + content)
        await writer.drain()
        return "connection" not in names and "transfer-encoding" not in names


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip(" \t")


def _status(step: Step, before: Step, headers: Fields) -> tuple[int, str]:
    """The status: 304 where the request asks about what the request before got, if that is what the test is about."""
    if not step.get("expected_type", "").endswith("validated"):
        status, phrase = step.get("response_status", (200, "OK"))
        return status, phrase
    known = {name.lower(): value for name, value, *_ in before.get("response_headers", ())}
    for validator, condition in (("last-modified", "if-modified-since"), ("etag", "if-none-match")):
        if known.get(validator) and headers.get(condition) == known[validator]:
            return 304, "Not Modified"
    return 999, "304 Not Generated"


def _fields(step: Step, target: str, served: int, number: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The fields of an answer, and those of them that the client must see as they are."""
    now = time.time()
    fields = [
        ("Server-Base-Url", target),
        ("Server-Request-Count", str(served)),
        ("Client-Request-Count", str(number)),
        ("Server-Now", str(int(now * 1000))),
    ]
    kept: Mapping[str, tuple[str, str]] = {}
    for header in step.get("response_headers", ()):
        name, value, *seen = header
        text = header[1] = fill_in(name, value, step, now, target)
        fields.append((name, text))
        if not seen or seen[0] is True:
            lines = [each for key, each in fields if key.lower() == name.lower()]
            kept = {**kept, name: (name, ", ".join(lines))}
    names = {name.lower() for name, _ in fields}
    defaults = (("Content-Type", "text/plain"), ("Date", fill_in("date", 0, {}, now, "")))
    fields += [(name, value) for name, value in defaults if name.lower() not in names]
    return fields, list(kept.values())


@contextlib.asynccontextmanager
async def origin() -> AsyncIterator[Origin]:
    """An origin on a free port of the loopback."""
    served = Origin()
    server = await asyncio.start_server(served.converse, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
