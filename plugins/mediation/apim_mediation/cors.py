"""Say which web pages of other origins may call."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Duration, Exchange, HeaderField, Headers, Policy, Regex, Reject, Respond, Response, state
from apim_sdk.errors import CORS_PREFLIGHT_FAILED

__all__ = ["CORS"]

_VARY: Final = HeaderField("Vary", "Origin")
_ALLOW_CREDENTIALS: Final = HeaderField("Access-Control-Allow-Credentials", "true")
_ORIGIN: Final = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/\s?#@]+")
_ENDPOINTS_OWN: Final = (
    b"access-control-allow-origin",
    b"access-control-allow-credentials",
    b"access-control-expose-headers",
    b"access-control-allow-methods",
    b"access-control-allow-headers",
    b"access-control-max-age",
)


def _origins(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for origin in value:
        if _ORIGIN.fullmatch(origin) is None:
            raise ValueError(f"{origin!r} is no origin: write https://host or https://host:port, in lower case")


@attrs.frozen
class CORS(Policy):
    """Says which web pages of other origins may call (the CORS protocol of the WHATWG Fetch standard).

    It answers preflight requests itself, before authentication, and marks the answer to every other request, errors
    too. What the endpoint says of CORS is removed: one party decides. It stands in the entry flow, first.
    """

    example: ClassVar[Any] = {
        "origins": ["https://shop.example"],
        "methods": ["GET", "POST"],
        "allow_headers": ["Authorization", "Content-Type"],
        "max_age": "10m",
    }

    origins: tuple[str, ...] = attrs.field(default=(), validator=_origins)
    """Origins that may call, such as `https://shop.example`; `*` for all."""
    origin_patterns: tuple[Regex, ...] = ()
    """Regular expressions; an origin that one matches as a whole may call."""
    methods: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    """Methods that pages may use; `*` for all."""
    allow_headers: tuple[str, ...] = ("Authorization", "Content-Type", "X-API-Key")
    """Request headers that pages may set; `*` for all."""
    expose_headers: tuple[str, ...] = ()
    """Response headers that pages may read, beside the safe ones."""
    credentials: bool = False
    """Whether browsers send along cookies and other credentials of the user, and let pages see the answer."""
    max_age: Duration | None = None
    """How long browsers may keep the answer to a preflight request."""
    _exact: frozenset[str] = state()
    _granted: tuple[HeaderField, ...] = state()

    def __attrs_post_init__(self) -> None:
        if not self.origins and not self.origin_patterns:
            raise ValueError("say which origins may call: `origins`, `origin_patterns` or both")
        if "*" in self.origins and self.credentials:
            raise ValueError("with `credentials`, name the origins: `*` would let every page act for its user")
        granted = [_ALLOW_CREDENTIALS] if self.credentials else []
        if self.expose_headers:
            granted.append(HeaderField("Access-Control-Expose-Headers", ", ".join(self.expose_headers)))
        self.hold(_exact=frozenset(self.origins), _granted=tuple(granted))

    def on_request(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.method != "OPTIONS":
            return
        origin = request.headers.get("Origin")
        method = request.headers.get("Access-Control-Request-Method")
        if origin is not None and method is not None:
            raise Respond(self._preflight(origin, method, request.headers.get("Access-Control-Request-Headers", "")))

    def after(self, exchange: Exchange) -> None:
        if exchange.response is None:
            return
        headers = exchange.response.headers
        for name in _ENDPOINTS_OWN:
            headers.discard(name)
        origin = exchange.request.headers.get("Origin")
        if self._mark(headers, origin):
            for field in self._granted:
                headers.append(field)

    def _mark(self, headers: Headers, origin: str | None) -> bool:
        """Say who may see the answer, which caches must know; and whether ``origin`` may."""
        if "*" in self._exact:
            headers.add("Access-Control-Allow-Origin", "*")
            return True
        headers.append(_VARY)
        if origin is None or not self._allows(origin):
            return False
        headers.add("Access-Control-Allow-Origin", origin)
        return True

    def _allows(self, origin: str) -> bool:
        return origin in self._exact or any(pattern.fullmatch(origin) for pattern in self.origin_patterns)

    def _preflight(self, origin: str, method: str, wanted: str) -> Response:
        headers = Headers()
        if not self._mark(headers, origin):
            raise _refused(f"the origin {origin!r} may not call")
        if method not in self.methods and "*" not in self.methods:
            raise _refused(f"pages may not use the method {method!r}")
        names = [name for text in wanted.split(",") if (name := text.strip())]
        allowed = {name.lower() for name in self.allow_headers}
        if "*" not in allowed and (refused := [name for name in names if name.lower() not in allowed]):
            raise _refused(f"pages may not set {', '.join(refused)}")
        if self.credentials:
            headers.append(_ALLOW_CREDENTIALS)
        if self.max_age is not None:
            headers.add("Access-Control-Max-Age", str(int(self.max_age)))
        headers.add("Access-Control-Allow-Methods", method if "*" in self.methods else ", ".join(self.methods))
        # With credentials a star means nothing (Fetch, "CORS-preflight fetch"), so what is wanted is named.
        headers.add("Access-Control-Allow-Headers", ", ".join(names if "*" in allowed else self.allow_headers))
        return Response(200, headers)


def _refused(reason: str) -> Reject:
    return Reject(CORS_PREFLIGHT_FAILED, headers={"Vary": "Origin"}, detail=reason)
