"""What is good once, over several plans of an API, and keys that a reload takes away behind a request's back."""

from __future__ import annotations

import asyncio
import hmac
import time
from base64 import b64encode
from pathlib import Path

import pytest
from support.gateway import configuration, run
from support.listening import listening, status

SECRET = "a secret of sixteen bytes"
ONCE = f"authentication: {{hmac: {{keys: {{k: {{secret: {SECRET}}}}}, once: true}}}}"
TEXT = """
    listen: [{{address: "127.0.0.1:0"}}]
    management: {{enabled: false}}
    apis:
      - name: items
        context: /api
        endpoint: {{mock: {{}}}}
        plans: [{plans}]
        operations: [{{match: "* /x"}}]
    applications:
      - {{name: shop, keys: [{{api-key: {key}}}], subscriptions: [{{api: items, plan: gold}}]}}
"""


def signed() -> bytes:
    """A request, signed as draft-cavage-http-signatures-12 has it."""
    created = int(time.time())
    text = f"(request-target): get /api/x\nhost: localhost\n(created): {created}"
    value = b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha256")).decode()
    parameters = f'keyId="k",created={created},headers="(request-target) host (created)",signature="{value}"'
    lines = ("GET /api/x HTTP/1.1", "Host: localhost", "Connection: close", f"Authorization: Signature {parameters}")
    return "\r\n".join((*lines, "", "")).encode()


@pytest.mark.parametrize("gold", ["required", "none"])
def test_a_signature_that_one_plan_has_taken_comes_in_by_no_other(tmp_path: Path, gold: str) -> None:
    plans = f"{{name: gold, subscription: {gold}, {ONCE}}}, {{name: silver, subscription: none, {ONCE}}}"

    async def scenario() -> list[int]:
        async with listening(TEXT.format(plans=plans, key="a key of the shop"), tmp_path) as gateway:
            request = signed()
            return [status(await gateway.send(request)) for _ in range(2)]

    assert [200, 401] == run(scenario)


def keyed(method: str, key: str, *more: str) -> bytes:
    lines = (f"{method} /api/x HTTP/1.1", "Host: localhost", f"X-API-Key: {key}", *more, "", "")
    return "\r\n".join(lines).encode()


def test_a_key_that_a_reload_takes_away_is_no_good_for_the_requests_that_were_pipelined(tmp_path: Path) -> None:
    plans = "{name: gold, authentication: {api-key: {}}}"
    old, new = (TEXT.format(plans=plans, key=key) for key in ("the old key", "the new key"))

    async def scenario() -> list[int]:
        async with listening(old, tmp_path) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports[0])
            writer.write(keyed("GET", "the old key") + keyed("POST", "the old key", "Content-Length: 2") + b"a")
            first = await reader.readuntil(b"\r\n\r\n")
            await gateway.gateway.reload(configuration(new, tmp_path))
            writer.write(b"b" + keyed("GET", "the old key") + keyed("GET", "the new key", "Connection: close"))
            rest = await asyncio.wait_for(reader.read(), 10)
            writer.close()
        return [int(each[:3]) for each in (first + rest).split(b"HTTP/1.1 ")[1:]]

    assert [200, 200, 401, 200] == run(scenario)
