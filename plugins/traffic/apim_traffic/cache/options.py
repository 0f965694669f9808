"""The options of `cache`."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from apim_sdk import Duration, Expression, HeaderField, Size

from apim_traffic.cache.judging import LONGEST
from apim_traffic.cache.keys import Scope

__all__ = ["Options", "lower_names"]


def lower_names(names: tuple[str, ...]) -> tuple[bytes, ...]:
    """Names of headers as they are compared. Raises ValueError where one is none."""
    return tuple([HeaderField(name, "").lower_name for name in names])


def _header(instance: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None:
        lower_names((value,))


def _headers(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    lower_names(value)


def _remembered(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    if value > LONGEST:
        raise ValueError("it may be 14d at most, since purges are not remembered for ever")


def _statuses(instance: Any, attribute: attrs.Attribute[Any], value: tuple[int, ...]) -> None:
    wrong = [status for status in value if not 200 <= status <= 599 or status in (206, 304)]
    if wrong:
        raise ValueError(f"{wrong[0]} is no status of an answer that can be kept: 200 to 599 without 206 and 304")


@attrs.frozen
class Options:
    """What an operator says of a cache."""

    methods: tuple[Literal["GET", "HEAD"], ...] = ("GET", "HEAD")
    """Methods that are answered from the cache. An answer to any other method but OPTIONS and TRACE that succeeds
    makes the cache forget what it had for the URL, and for those in its Location and Content-Location."""
    scope: Scope = "principal"
    """Who shares answers: `principal` (issuer and subject, with the application), `application`, or `public` for all.
    What a call with credentials brings is kept only where the key holds who called, or where the answer says itself
    that it may be shared: `public`, `s-maxage` or `must-revalidate` (RFC 9111, section 3.5). A cookie counts as a
    credential that no key holds."""
    key: tuple[Expression, ...] = ()
    """CEL expressions whose values are part of the key, beside API, host, path and query. Where one has an error, the
    call passes the cache by."""
    vary: tuple[str, ...] = attrs.field(default=(), validator=_headers)
    """Request headers that are part of the key, for a backend that does not name them in Vary."""
    unkeyed: Literal["pass", "remove"] = "pass"
    """What becomes of request headers that are neither in the key nor in `vary`: `remove` keeps them from the backend,
    which then cannot let them change an answer that others get."""
    ttl: Duration | None = None
    """How long an answer is fresh that does not say so itself; without it such answers are not kept."""
    max_ttl: Duration = attrs.field(default=Duration("1d"), validator=_remembered)
    """How long any answer is fresh at most; 14 days at the very most."""
    heuristic: float | None = attrs.field(
        default=None, validator=attrs.validators.optional([attrs.validators.gt(0), attrs.validators.le(1)])
    )
    """The part of the time since its last modification, such as 0.1, for which an answer is fresh that does not say so
    itself. Without it, `ttl` holds."""
    statuses: tuple[int, ...] = attrs.field(default=(200, 203, 204, 300, 301, 308), validator=_statuses)
    """Statuses for which `ttl` and `heuristic` hold. An error is kept only where it says for how long, or is named
    here."""
    condition: Expression | None = None
    """An answer is kept only if this is true of it, such as `response.headers["x-cacheable"] == "yes"`."""
    stale_while_revalidate: Duration = attrs.field(default=Duration(0), validator=_remembered)
    """How long a stale answer is given while it is validated in the background, where the backend does not say."""
    stale_if_error: Duration = attrs.field(default=Duration(0), validator=_remembered)
    """How long a stale answer is given where the backend fails, and does not say."""
    client_directives: bool = False
    """Whether Cache-Control of requests counts: `no-cache`, `no-store`, `max-age`, `max-stale`, `min-fresh` and
    `only-if-cached`. Any client can then have the backend asked."""
    targeted: tuple[str, ...] = attrs.field(default=("CDN-Cache-Control",), validator=_headers)
    """Headers of answers that count in the place of Cache-Control, the first that is there (RFC 9213)."""
    set_cookie: Literal["refuse", "remove", "keep"] = "refuse"
    """What becomes of an answer with Set-Cookie: it is not kept, kept without the cookie, or kept with it, so that all
    who share the answer get the same cookie."""
    bypass_header: str | None = attrs.field(default=None, validator=_header)
    """A request header by which clients pass the cache by (`bypass`) or have it filled anew (`refresh`). Whoever can
    reach the API can then use it."""
    collapse: Duration = Duration("5s")
    """How long a request waits for another one that asks the backend for the same; 0 lets each ask. An answer that may
    not be kept is never shared."""
    max_object: Size = Size("1MiB")
    """The largest body that is kept."""
    max_size: Size = Size("64MiB")
    """How many bytes each process keeps in memory for this step; what was not used for longest leaves first."""
    store: str | None = None
    """The store that keeps the answers, by its name under `stores`, for all processes and nodes that use it. Where it
    is away, the backend is asked. Without it, each process keeps its own in memory."""
    store_timeout: Duration = attrs.field(default=Duration("100ms"), validator=attrs.validators.gt(Duration(0)))
    """How long a look-up in the store may take, after which the backend is asked."""
    purges: str | None = None
    """The store by which processes and nodes tell each other what was purged, where the answers are in memory; it is
    `store` where that is given. Without either, a purge reaches the processes of the node that it was sent to."""

    def __attrs_post_init__(self) -> None:
        if self.condition is not None and self.condition.reads_body:
            raise ValueError("`condition` cannot look at the body: an answer is kept while it passes through")
        if any(part.reads_body for part in self.key):
            raise ValueError("`key` cannot look at the body: what is cached is asked for without one")
