"""Have Open Policy Agent decide."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote

import attrs
from apim_sdk import Exchange, HeaderField, Reject, Size, errors, state

from apim_auth.authorization_request import describe, header_names
from apim_auth.decision_point import Asking, Decision, InvalidDecision

__all__ = ["OPA"]

_FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Header fields that say how the request is to be read (RFC 9112): no policy sets them."""
_LONGEST_MESSAGE: Final = 500


def _path(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.strip("/.") or value.startswith("data/"):
        raise ValueError(f"{value!r} is no path of a policy: write what follows /v1/data/, such as apim/authz")


@attrs.frozen(kw_only=True)
class OPA(Asking):
    """Has Open Policy Agent decide, by its REST API, whether a call is allowed: 403 if not.

    OPA gets the method, path, client, principal, claims, application, API, operation and path parameters as `input`.
    The policy answers true or false, or an object with `allow` and, if it likes, `headers` for the endpoint and a
    `message` for who is refused. Where the policy is undefined, the call is refused.
    """

    example: ClassVar[Any] = {"url": "http://127.0.0.1:8181", "path": "apim/authz", "headers": ["X-Tenant"]}

    path: str = attrs.field(validator=_path)
    """The policy, as a path below `/v1/data`: the package `apim.authz` is `apim/authz`, its rule `apim/authz/allow`."""
    rule: str = "allow"
    """The member that says whether the call is allowed, where the policy answers an object."""
    headers: tuple[str, ...] = ()
    """Header fields of the request that OPA gets to see; never those that carry credentials."""
    query: bool = False
    """Whether OPA gets to see the query parameters."""
    body: bool = False
    """Whether OPA gets to see the body: JSON as it is, else text."""
    max_body: Size = Size("64KiB")
    """Size of the largest body that OPA is asked about; a larger one is refused with 413."""
    _place: str = state()
    _headers: tuple[str, ...] = state()

    def __attrs_post_init__(self) -> None:
        path = quote(self.path.strip("/").replace(".", "/"))
        self.hold(_place=f"{self.url.rstrip('/')}/v1/data/{path}", _headers=header_names(self.headers))

    async def on_request(self, exchange: Exchange) -> None:
        document = describe(exchange, self._headers, query=self.query)
        if self.body:
            document["body"] = _content(exchange, await exchange.request.body.read(self.max_body))
        decision = await self.ask(self._place, {"input": document}, self._read)
        if not decision.allowed:
            raise Reject(errors.AUTHORIZATION_DENIED, decision.message, detail=decision.detail)
        for name, value in decision.headers:
            exchange.request.headers.set(name, value)

    def _read(self, answer: Any) -> Decision:
        """The decision in an answer (OPA REST API, Data API)."""
        if not isinstance(answer, Mapping):
            raise InvalidDecision("it is no object")
        if "result" not in answer:
            return Decision(False, detail=f"the policy {self.path} is undefined")
        result = answer["result"]
        if isinstance(result, bool):
            return Decision(result, detail=_logged(answer))
        if not isinstance(result, Mapping):
            raise InvalidDecision("the result is neither true nor false, nor an object")
        allowed = result.get(self.rule, False)
        if not isinstance(allowed, bool):
            raise InvalidDecision(f"{self.rule!r} is neither true nor false")
        message = result.get("message")
        if message is not None and not isinstance(message, str):
            raise InvalidDecision("the message is no text")
        return Decision(
            allowed,
            None if message is None else message[:_LONGEST_MESSAGE],
            _fields(result.get("headers")),
            _logged(answer),
        )


def _fields(headers: Any) -> tuple[tuple[str, str], ...]:
    """Header fields that a policy sets; raises InvalidDecision for what cannot be one, or may not."""
    if headers is None:
        return ()
    if not isinstance(headers, Mapping):
        raise InvalidDecision("the headers are no object")
    for name, value in headers.items():
        if not isinstance(value, str) or name.lower() in _FRAMING:
            raise InvalidDecision(f"the header {name!r} may not be set, or not to this")
        HeaderField(name, value)
    return tuple(headers.items())


def _logged(answer: Mapping[str, Any]) -> str | None:
    """Where to find the decision in OPA's decision log."""
    found = answer.get("decision_id")
    return f"OPA's decision {found}" if isinstance(found, str) else None


def _content(exchange: Exchange, body: bytes) -> Any:
    """The body for the policy.

    What says that it is JSON, and is none that every reader reads alike, is text: then no policy is fooled about what
    the endpoint makes of it.
    """
    kind = exchange.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    text = body.decode("utf-8", "replace")
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)
        except (ValueError, RecursionError):
            return text
    return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with no name twice (RFC 8259, section 4)."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name is there twice")
    return content


def _finite(text: str) -> float:
    """A number that JSON can be made of again: 1e999 is none, nor are the NaN and Infinity that JSON has not."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number
