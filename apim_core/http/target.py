"""Request targets: one canonical path for router, policies and upstream.

Rules, in this order; whatever they refuse is InvalidTarget and becomes a 400:

1.  NUL and other control characters, spaces, a backslash and a fragment (``#``) are refused.
2.  Escapes (RFC 3986, section 2.1): a ``%`` without two hexadecimal digits is refused, and so are the escapes of the
    slash, the backslash and control characters. The escape of an unreserved character is decoded; every other one
    keeps its meaning and its digits become upper case. Nothing is decoded twice: ``%252F`` stays.
3.  Bytes above 127, raw or escaped, must together be valid UTF-8, so that overlong forms are refused; raw ones are
    escaped. So are the few ASCII characters that RFC 3986 does not allow in a path and browsers send: ``[ ] | ^`` ...
4.  Empty segments are merged (``//`` is ``/``), then dot segments are resolved. A path that climbs above the root, and
    a dot segment with parameters (``/..;x/``), which some backends resolve and others do not, are refused.

``;parameters`` otherwise stay where they are, as part of their segment.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address

__all__ = ["InvalidTarget", "canonical_path", "parse_authority", "plain_target", "split_target"]


class InvalidTarget(ValueError):
    """A request target or authority that is not, or not unambiguously, one thing. ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Most targets are canonical already: none but these characters, no empty segment and none that begins with a dot.
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/?-._~!$&'()*+,;=:@"
_SLASH = 47
_SHORT = 256
"""Bytes of a target that may be remembered."""
_CANONICAL = re.compile(rb"(?=/)(?:/(?!\.)[A-Za-z0-9_.~!$&'()*+,=:@;-]++)*+/?+")
_REFUSED = re.compile(rb"[\x00-\x20\x7f\\#?]")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_TO_ESCAPE = re.compile(rb"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]")
_SLASHES = re.compile(rb"//+")
_DOTS_WITH_PARAMETERS = re.compile(rb"/\.\.?(?:;|%3B)")
_QUERY_REFUSED = re.compile(rb"[\x00-\x20\x7f#]")
_QUERY_TO_ESCAPE = re.compile(rb"[\x80-\xff]")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(
    rb"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}\])\.?(?::([0-9]{1,5}))?"
)


def canonical_path(raw: bytes | str) -> str:
    """The canonical form of a path (without its query).

    ``canonical_path(canonical_path(x)) == canonical_path(x)``. Raises InvalidTarget.
    """
    if isinstance(raw, str):
        raw = raw.encode("utf-8", "surrogatepass")
    if _CANONICAL.fullmatch(raw) is not None:
        return raw.decode("ascii")
    return _canonicalize(raw)


def _canonicalize(raw: bytes) -> str:
    if not raw.startswith(b"/"):
        raise InvalidTarget("the path does not begin with a slash")
    found = _REFUSED.search(raw)
    if found is not None:
        raise InvalidTarget(f"the path holds {_name(found[0][0])}, which must be escaped")
    path = _SLASHES.sub(b"/", _TO_ESCAPE.sub(_escape, _ESCAPE.sub(_normalize_escape, raw)))
    if b"%" in path:
        _check_utf8(path)
    if b"/." in path:
        path = _resolve_dots(path)
    return path.decode("ascii")


def _name(character: int) -> str:
    return repr(chr(character)) if 0x20 < character < 0x7F else f"the character 0x{character:02X}"


def _escape(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]


def _normalize_escape(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    if digits is None:
        raise InvalidTarget("the path holds a % that is not followed by two hexadecimal digits")
    value = int(digits, 16)
    if value in _UNRESERVED:
        return bytes((value,))
    if value < 0x20 or value in b"/\\\x7f":
        raise InvalidTarget(f"the path holds the escape of {_name(value)}")
    return b"%" + digits.upper()


def _check_utf8(path: bytes) -> None:
    decoded = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), path)
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidTarget("the path's escapes are not valid UTF-8") from None


def _resolve_dots(path: bytes) -> bytes:
    if _DOTS_WITH_PARAMETERS.search(path) is not None:
        raise InvalidTarget("the path holds a dot segment with parameters")
    segments: list[bytes] = []
    for segment in path.split(b"/")[1:]:
        if segment == b"..":
            if not segments:
                raise InvalidTarget("the path climbs above the root")
            segments.pop()
        elif segment != b".":
            segments.append(segment)
    if path.endswith((b"/.", b"/..")):
        segments.append(b"")
    return b"/" + b"/".join(segments)


def plain_target(target: bytes) -> tuple[str, str] | None:
    """Path and query of a target that is in canonical form already, as most are; None for any other."""
    return _short(target) if len(target) <= _SHORT else _plain(target)


def _plain(target: bytes) -> tuple[str, str] | None:
    if target and not target.translate(None, _SAFE):
        text = target.decode("ascii")
        if target[0] == _SLASH and "//" not in text and "/." not in text:
            path, _, query = text.partition("?")
            return path, query
    return None


_short = lru_cache(maxsize=1024)(_plain)
"""The same for targets that are asked for again and again; none is long, so that all take a megabyte at most."""


def split_target(target: bytes) -> tuple[str, str, bytes | None]:
    """The canonical path, the query and, for the absolute form, the authority of a target (RFC 9112, section 3.2).

    The asterisk form gives ``*`` as the path. Raises InvalidTarget.
    """
    plain = plain_target(target)
    if plain is not None:
        return plain[0], plain[1], None
    if target.startswith(b"/"):
        authority = None
    elif target == b"*":
        return "*", "", None
    else:
        match = _ABSOLUTE.fullmatch(target)
        if match is None:
            raise InvalidTarget("the request target is neither a path nor an http or https URL")
        authority, target = match.groups()
        if not target.startswith(b"/"):
            target = b"/" + target
    raw_path, _, raw_query = target.partition(b"?")
    return canonical_path(raw_path), _query(raw_query), authority


def _query(query: bytes) -> str:
    if _QUERY_REFUSED.search(query) is not None:
        raise InvalidTarget("the query holds a space, a control character or a #, which must be escaped")
    return _QUERY_TO_ESCAPE.sub(_escape, query).decode("ascii")


def parse_authority(raw: bytes) -> str:
    """Host and port (RFC 9110, section 7.2) in lower case, without the dot that may end a name.

    Names are letters, digits, dots, hyphens and underscores; a user, an empty host, an escape are refused.
    Raises InvalidTarget.
    """
    match = _AUTHORITY.fullmatch(raw)
    if match is None or b".." in raw:
        raise InvalidTarget("the host is not a name or an address with an optional port")
    port = match[1]
    if port is not None and not 0 < int(port) <= 65535:
        raise InvalidTarget("the host's port is not between 1 and 65535")
    host = raw.decode("ascii").lower()
    if host.startswith("["):
        _check_ipv6(host[1 : host.index("]")])
    if port is not None:
        name, _, text = host.rpartition(":")
        return f"{name.removesuffix('.')}:{int(text)}"
    return host.removesuffix(".")


def _check_ipv6(text: str) -> None:
    try:
        IPv6Address(text)
    except ValueError:
        raise InvalidTarget("the host is not an IPv6 address") from None
