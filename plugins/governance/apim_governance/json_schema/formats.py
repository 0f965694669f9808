"""The formats of texts and numbers, as the package ajv-formats understands them in its mode "full".

A format that is not here holds for everything. Texts are judged by the RFC that is named beside each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import regex

from apim_governance.ecmascript import InvalidExpression, compile_expression
from apim_governance.patience import searched

__all__ = ["COMPARED", "NUMBER_FORMATS", "TEXT_FORMATS"]

SECONDS: Final = 1.0
"""For one text."""

_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|[01]?\d\d?)"
_STRICT_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_HEX16: Final = r"[0-9a-f]{1,4}"
_UNRESERVED: Final = r"a-z0-9\-._~"
_ENCODED: Final = r"%[0-9a-f]{2}"


def _ipv4(octet: str) -> str:
    return rf"{octet}(?:\.{octet}){{3}}"


def _ipv6(octet: str) -> str:
    """RFC 3986, section 3.2.2: IPv6address."""
    low = rf"(?:{_HEX16}:{_HEX16}|{_ipv4(octet)})"
    leading = [rf"(?:{_HEX16}:){{6}}{low}", rf"::(?:{_HEX16}:){{5}}{low}"]
    inner = [rf"(?:(?:{_HEX16}:){{0,{count}}}{_HEX16})?::(?:{_HEX16}:){{{4 - count}}}{low}" for count in range(5)]
    trailing = [rf"(?:(?:{_HEX16}:){{0,5}}{_HEX16})?::{_HEX16}", rf"(?:(?:{_HEX16}:){{0,6}}{_HEX16})?::"]
    return "|".join(leading + inner + trailing)


def _uri_part(more: str) -> tuple[str, str]:
    """RFC 3986: what follows a scheme up to the query, and what follows that; ``more`` are further characters."""
    pchar = rf"(?:[{_UNRESERVED}!$&'()*+,;=:@{more}]|{_ENCODED})"
    authority = (
        rf"(?:(?:[{_UNRESERVED}!$&'()*+,;=:]|{_ENCODED})*@)?"
        rf"(?:\[(?:{_ipv6(_OCTET)}|v[0-9a-f]+\.[{_UNRESERVED}!$&'()*+,;=:]+)\]|{_ipv4(_OCTET)}"
        rf"|(?:[{_UNRESERVED}!$&'()*+,;={more}]|{_ENCODED})*)(?::\d*)?"
    )
    hierarchy = rf"(?:/?/{authority}(?:/{pchar}*)*|/(?:{pchar}+(?:/{pchar}*)*)?|{pchar}+(?:/{pchar}*)*)"
    return hierarchy, rf"(?:\?(?:{pchar}|[/?])*)?(?:#(?:{pchar}|[/?])*)?"


_HIERARCHY, _TAIL = _uri_part("")
_WIDE_HIERARCHY, _WIDE_TAIL = _uri_part('"')
_SCHEME: Final = r"[a-z][a-z0-9+\-.]*:"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_SHORT_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ATOM: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_WIDE: Final = r"a-z0-9\u00a1-\U0010ffff"
_VARIABLE: Final = rf"(?:[a-z0-9_]|{_ENCODED})+(?::[1-9][0-9]{{0,3}}|\*)?"
_TIME: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(\.\d+)?(z|[+-]\d\d(?::?\d\d)?)?", re.I | re.A)
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.A)
_SPACE: Final = re.compile(r"[tT\s]")
_BYTES: Final = re.compile(
    r"(?:^|(?<=[\n\r\u2028\u2029]))(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
    r"(?=[\n\r\u2028\u2029]|\Z)"
)
_NOT_AT_END: Final = re.compile(r"[^\\]\\Z", re.S)
_DAYS: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _matching(pattern: str, ignore_case: bool = True) -> Callable[[str], bool]:
    """Whether a text is of that pattern, which is compiled when somebody asks."""
    flags = (regex.IGNORECASE if ignore_case else 0) | regex.ASCII

    @cache
    def compiled() -> regex.Pattern[str]:
        return regex.compile(pattern, flags)

    def matches(text: str) -> bool:
        return searched(compiled().fullmatch, text) is not None

    return matches


def _date(text: str) -> bool:
    """RFC 3339, section 5.6: full-date."""
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    year, month, day = map(int, found.groups())
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month]:
        return False
    return (month, day) != (2, 29) or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


def _time(text: str) -> bool:
    """RFC 3339, section 5.6: full-time, whose offset may be left out."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    return (hour <= 23 and minute <= 59 and second <= 59) or (hour, minute, second) == (23, 59, 60)


def _date_time(text: str) -> bool:
    """RFC 3339, section 5.6: date-time."""
    parts = _SPACE.split(text)
    return len(parts) == 2 and _date(parts[0]) and _time(parts[1])


def _regex(text: str) -> bool:
    """ECMA-262, section 22.2."""
    if _NOT_AT_END.search(text):
        return False
    try:
        compile_expression(text)
    except InvalidExpression:
        return False
    return True


_is_uri = _matching(rf"{_SCHEME}{_HIERARCHY}{_TAIL}")


def _uri(text: str) -> bool:
    """RFC 3986, section 3."""
    return ("/" in text or ":" in text) and _is_uri(text)


_PUBLIC_IPV4: Final = (
    r"(?!(?:10|127)(?:\.\d{1,3}){3})(?!(?:169\.254|192\.168)(?:\.\d{1,3}){2})"
    r"(?!172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2})(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])"
    r"(?:\.(?:1?\d{1,2}|2[0-4]\d|25[0-5])){2}\.(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-4])"
)
_WIDE_LABEL: Final = rf"(?:[{_WIDE}]+-)*[{_WIDE}]+"
_WIDE_NAME: Final = rf"{_WIDE_LABEL}(?:\.{_WIDE_LABEL})*\.[a-z\u00a1-\U0010ffff]{{2,}}"

TEXT_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "byte": lambda text: _BYTES.search(text) is not None,
        "date": _date,
        "date-time": _date_time,
        # RFC 3339, appendix A
        "duration": _matching(
            r"P(?!\Z)(?:(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?|(?:\d+W)?)", False
        ),
        "email": _matching(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}"),
        "hostname": _matching(rf"(?=.{{1,253}}\.?\Z){_SHORT_LABEL}(?:\.{_SHORT_LABEL})*\.?"),
        "ipv4": _matching(_ipv4(_OCTET)),
        "ipv6": _matching(_ipv6(_STRICT_OCTET)),
        "json-pointer": _matching(r"(?:/(?:[^~/]|~0|~1)*)*"),
        "json-pointer-uri-fragment": _matching(rf"#(?:/(?:[a-z0-9_\-.!$&'()*+,;:=@]|{_ENCODED}|~0|~1)*)*"),
        "regex": _regex,
        "relative-json-pointer": _matching(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)"),
        "time": _time,
        "uri": _uri,
        "uri-reference": _matching(rf"(?:{_SCHEME})?{_WIDE_HIERARCHY}?{_WIDE_TAIL}"),
        # RFC 6570
        "uri-template": _matching(
            rf"(?:[^\x00-\x20\"'<>%\\^`{{|}}]|{_ENCODED}|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
        ),
        "url": _matching(
            rf"(?:https?|ftp)://(?:\S+(?::\S*)?@)?(?:{_PUBLIC_IPV4}|{_WIDE_NAME})(?::\d{{2,5}})?(?:/\S*)?"
        ),
        # RFC 4122
        "uuid": _matching(r"(?:urn:uuid:)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
    }
)
"""Formats of texts, by name."""


def _integral(value: Any) -> bool:
    return isinstance(value, int) or float(value).is_integer()


NUMBER_FORMATS: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "int32": lambda value: _integral(value) and -(2**31) <= value <= 2**31 - 1,
        "int64": _integral,
    }
)
"""Formats of numbers, by name. ``float`` and ``double`` hold for each."""


def _moment(text: str) -> str | None:
    found = _TIME.fullmatch(text)
    return None if found is None else f"{found[1]}{found[2]}{found[3]}{found[4] or ''}"


def _date_and_moment(text: str) -> str | None:
    parts = _SPACE.split(text)
    moment = _moment(parts[1]) if len(parts) > 1 else None
    return None if moment is None else f"{parts[0]} {moment}"


COMPARED: Final[Mapping[str, Callable[[str], str | None]]] = MappingProxyType(
    {"date": lambda text: text or None, "date-time": _date_and_moment, "time": _moment}
)
"""Formats of which one text can come before another, each with what is compared; None if it is not comparable."""
