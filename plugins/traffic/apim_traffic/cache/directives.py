"""Cache-Control of requests and answers (RFC 9111, section 5.2; RFC 5861), and targeted fields (RFC 9213)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import attrs
import http_sf
from apim_sdk import Headers

__all__ = ["NOTHING_SAID", "Directives", "delta_seconds", "directives_of", "parse_cache_control", "parse_targeted"]

_MEMBER: Final = re.compile(rb'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_LONGEST: Final = 2**31
"""Seconds that stand for every longer time (RFC 9111, section 1.2.2)."""


@attrs.frozen
class Directives:
    """What a Cache-Control field says; times in seconds, None where it does not say.

    ``no_cache`` and ``private`` are about the whole message; where they name fields, those are in ``fields``.
    """

    no_store: bool = False
    no_cache: bool = False
    private: bool = False
    public: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    only_if_cached: bool = False
    max_age: int | None = None
    s_maxage: int | None = None
    min_fresh: int | None = None
    max_stale: int | None = None
    stale_while_revalidate: int | None = None
    stale_if_error: int | None = None
    fields: frozenset[bytes] = frozenset()


NOTHING_SAID: Final = Directives()

_FLAGS: Final = frozenset(
    ("no_store", "public", "must_revalidate", "proxy_revalidate", "must_understand", "only_if_cached")
)
_TIMES: Final = frozenset(("max_age", "s_maxage", "min_fresh", "stale_while_revalidate", "stale_if_error"))
_QUALIFIED: Final = ("no_cache", "private")


def delta_seconds(value: bytes) -> int | None:
    """Seconds as RFC 9111 (section 1.2.2) writes them; None where the value is no such number."""
    return min(int(value), _LONGEST) if value.isdigit() and len(value) < 20 else None


@lru_cache(maxsize=1024)
def parse_cache_control(value: bytes) -> Directives:
    """The directives, by lenient rules: what is not understood is not there, a time that is no number is no time at
    all (0), and of a directive that comes twice the first counts (RFC 9111, section 4.2.1)."""
    found: dict[str, Any] = {}
    fields: frozenset[bytes] = frozenset()
    for piece in _MEMBER.findall(value):
        member, equals, argument = piece.strip(b" \t").partition(b"=")
        name = member.decode("latin-1").lower().replace("-", "_")
        if name in found:
            continue
        if argument[:1] == b'"' and argument[-1:] == b'"':
            argument = argument[1:-1]
        if name in _FLAGS:
            found[name] = True
        elif name in _TIMES:
            found[name] = delta_seconds(argument) or 0
        elif name == "max_stale":
            found[name] = (delta_seconds(argument) or 0) if equals else _LONGEST
        elif name in _QUALIFIED:
            if argument:
                fields |= frozenset(field.strip(b" \t").lower() for field in argument.split(b","))
            else:
                found[name] = True
    return Directives(**found, fields=fields)


@lru_cache(maxsize=1024)
def parse_targeted(value: bytes) -> Directives | None:
    """The directives of a targeted field, a Dictionary of Structured Fields; None where it is none, or says nothing.

    A member of the wrong type makes the whole field invalid, so that nothing is half understood.
    """
    try:
        members: Any = http_sf.parse(value, tltype="dictionary")
    except ValueError:
        return None
    found: dict[str, Any] = {}
    for key, (argument, _) in members.items():
        name = key.replace("-", "_")
        if name in _FLAGS or name in _QUALIFIED:
            if argument is not True:
                return None
            found[name] = True
        elif name in _TIMES:
            if type(argument) is not int or argument < 0:
                return None
            found[name] = min(argument, _LONGEST)
    return Directives(**found) if members else None


def directives_of(headers: Headers, targeted: tuple[bytes, ...]) -> tuple[Directives, bool]:
    """What an answer says, and whether a targeted field says it: Cache-Control and Expires are then not looked at."""
    for name in targeted:
        value = headers.combined(name)
        if value is not None:
            found = parse_targeted(value)
            if found is not None:
                return found, True
    value = headers.combined(b"cache-control")
    return (NOTHING_SAID if value is None else parse_cache_control(value)), False
