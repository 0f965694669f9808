"""Calls to the management interface of an identity server: JSON in, JSON out, refusals as errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from apim_sdk import Context, Fetched
from apim_sdk.upstream import UpstreamTLS

from apim_keymanagers.answers import BadAnswer, refusal

__all__ = ["Management"]

_LONGEST_WAIT: Final = 10.0
"""Seconds that a server may make us wait before the one time that a call is tried again."""

Authorize = Callable[[], Awaitable[Mapping[str, str]]]
"""Makes the header fields by which the gateway proves who it is."""


class Management:
    """The management interface of one server, as the gateway uses it.

    A call raises KeyManagerError where the server refuses, and OSError where it is away, fails or makes no sense. One
    that comes too often (429, RFC 6585, section 4) is tried once more, when the server says (RFC 9110, section 10.2.3).
    """

    def __init__(
        self,
        context: Context,
        authorize: Authorize,
        tls: UpstreamTLS | None = None,
        forget: Callable[[], None] | None = None,
    ) -> None:
        """``forget`` makes ``authorize`` prove it anew; it is called where the server no longer takes the proof."""
        self._context = context
        self._authorize = authorize
        self._tls = tls
        self._forget = forget

    async def call(self, method: str, url: str, content: Any = None) -> Any:
        """Send JSON, or nothing; the JSON that came back, None where nothing did."""
        body = None if content is None else json.dumps(content).encode()
        answer = await self._send(method, url, body)
        if answer.status == 401 and self._forget is not None:
            self._forget()
            answer = await self._send(method, url, body)
        return _content(answer, f"{method} {url}")

    async def _send(self, method: str, url: str, body: bytes | None) -> Fetched:
        headers = {"Accept": "application/json", **await self._authorize()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer = await self._context.fetch(url, method=method, headers=headers, body=body, tls=self._tls)
        if answer.status != 429:
            return answer
        wait = _seconds(answer.headers.get("retry-after", "1"), self._context.clock.now())
        if wait > _LONGEST_WAIT:
            return answer
        await asyncio.sleep(wait)
        return await self._context.fetch(url, method=method, headers=headers, body=body, tls=self._tls)


def _seconds(retry_after: str, now: float) -> float:
    """How long Retry-After says to wait: a number of seconds, or a date."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return 1.0


def _content(answer: Fetched, what: str) -> Any:
    if answer.status == 429 or answer.status >= 500 or 300 <= answer.status < 400:
        raise BadAnswer(f"{what} is answered with {answer.status}")
    try:
        content = json.loads(answer.body) if answer.body.strip() else None
    except (ValueError, RecursionError) as error:
        if answer.status >= 400:
            raise refusal(answer.status, None, what) from None
        kind = answer.headers.get("content-type", "no media type")
        raise BadAnswer(f"{what} is answered with what is no JSON ({kind})") from error
    if answer.status >= 400:
        raise refusal(answer.status, content, what)
    return content
