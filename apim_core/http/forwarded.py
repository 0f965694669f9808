"""The Forwarded header (RFC 7239)."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["forwarded_hops"]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_PAIR = re.compile(rb"\s*+(" + _TOKEN + rb")=(?:(" + _TOKEN + rb')|"((?:[^"\\]|\\.)*+)")\s*+')


def forwarded_hops(values: Iterable[bytes]) -> tuple[list[bytes], bytes]:
    """The ``for`` of each element in order, ``b""`` where there is none, and the last element's ``proto``.

    An element that cannot be read counts as a hop without ``for``.
    """
    hops: list[bytes] = []
    scheme = b""
    for value in values:
        for element in _elements(value):
            pairs = _pairs(element)
            hops.append(pairs.get(b"for", b""))
            scheme = pairs.get(b"proto", b"").lower()
    return hops, scheme


def _elements(value: bytes) -> list[bytes]:
    """The comma-separated elements; commas in quoted strings do not count."""
    elements: list[bytes] = []
    current = b""
    for part in value.split(b","):
        current = current + b"," + part if current else part
        if current.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') % 2 == 0:
            elements.append(current)
            current = b""
    if current:
        elements.append(current)
    return elements


def _pairs(element: bytes) -> dict[bytes, bytes]:
    pairs: dict[bytes, bytes] = {}
    place = 0
    while place < len(element):
        match = _PAIR.match(element, place)
        if match is None:
            return {}
        name, token, quoted = match.groups()
        pairs.setdefault(name.lower(), token if token is not None else re.sub(rb"\\(.)", rb"\1", quoted))
        place = match.end()
        if element[place : place + 1] not in (b";", b""):
            return {}
        place += 1
    return pairs
