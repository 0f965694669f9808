"""The client of the suite: sends the requests of each test in order, all tests at once."""

from __future__ import annotations

import asyncio
import copy
import re
import uuid
from collections.abc import Mapping, Sequence

import attrs

from support.cache_suite import verdicts
from support.cache_suite.origin import Origin
from support.cache_suite.tests import Fields, Step, Test, fill_in
from support.cache_suite.verdicts import Came, Failed

__all__ = ["Result", "run_tests"]

_PAUSE = 3.0
"""Seconds for which the client rests where a test says so."""
_PATIENCE = 10.0
_DEFAULTS = (("Accept", "*/*"), ("Accept-Language", "*"), ("User-Agent", "cache-tests"))


@attrs.frozen
class Result:
    """What became of a test: ``failure`` is None where it passed, ``setup`` tells that it could not even be tried."""

    test: Test
    failure: str | None = None
    setup: bool = False


async def run_tests(tests: Sequence[Test], origin: Origin, port: int) -> Mapping[str, Result]:
    """The results by the id of the test; ``port`` is that of the cache in front of the origin."""
    results = await asyncio.gather(*(_run(test, origin, port) for test in tests))
    return {result.test.id: result for result in results}


async def _run(test: Test, origin: Origin, port: int) -> Result:
    identifier = str(uuid.uuid4())
    steps = origin.steps[identifier] = copy.deepcopy(test.steps)
    came: list[Came] = []
    try:
        for number, step in enumerate(steps, 1):
            before = came[-1].headers if came else Fields()
            answer = await asyncio.wait_for(_ask(port, identifier, step, number, before), _PATIENCE)
            came.append(answer)
            verdicts.judge_answer(step, number, answer, identifier)
            if step.get("pause_after"):
                await asyncio.sleep(_PAUSE)
        verdicts.judge_origin(steps, came, origin.asked.get(identifier, []))
    except Failed as failed:
        return Result(test, str(failed), failed.setup)
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        return Result(test, f"no answer: {error!r}")
    return Result(test)


async def _ask(port: int, identifier: str, step: Step, number: int, before: Fields) -> Came:
    path = f"/test/{identifier}"
    path += f"/{step['filename']}" if "filename" in step else ""
    path += f"?{step['query_arg']}" if "query_arg" in step else ""
    headers = [("Pragma", "foo"), ("Cache-Control", "nothing-to-see-here")]
    for name, value in step.get("request_headers", ()):
        if step.get("magic_ims") and name.lower() == "if-modified-since":
            value = fill_in(name, value, step, int(before.get("server-now") or 0) / 1000, "")
        headers.append((name, value))
    names = {name.lower() for name, _ in headers}
    headers += [pair for pair in _DEFAULTS if pair[0].lower() not in names]
    headers += [("Req-Num", str(number)), ("Host", f"127.0.0.1:{port}"), ("Connection", "close")]
    body = step.get("request_body", "").encode()
    if body:
        headers.append(("Content-Length", str(len(body))))
    method = step.get("request_method", "GET")
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode("latin-1") + body)
        return await _read(reader, method)
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, method: str) -> Came:
    interim: list[tuple[int, Fields]] = []
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = Fields(
            [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line)]
        )
        if status >= 200:
            break
        interim.append((status, fields))
    if method == "HEAD" or status in (204, 304):
        return Came(status, fields, "", interim)
    data = await reader.read()
    if (fields.get("transfer-encoding") or "").lower() == "chunked":
        data = _joined(data)
    elif "content-length" in fields and len(data) != int(fields.get("content-length") or 0):
        raise ConnectionError("the answer is not whole")
    return Came(status, fields, data.decode("latin-1"), interim)


def _joined(data: bytes) -> bytes:
    content = b""
    while True:
        found = re.match(rb"([0-9a-fA-F]+)\r\n", data)
        if found is None:
            raise ConnectionError("the answer is not whole")
        size = int(found[1], 16)
        if not size:
            return content
        content += data[found.end() : found.end() + size]
        data = data[found.end() + size + 2 :]
