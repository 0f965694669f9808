"""Questions to the supervisor's counters, and its answers, as bytes.

    message   4 bytes, big-endian: the length of what follows
    questions a JSON list, five members each: what is asked, the counter's number, the key, and two numbers
    answers   32 bytes each, in the order of the questions: units, wait, remaining, reset

A counter gets its number from the worker, which declares it before it uses it and may give the number to another one
later. The declaration is a question without an answer, whose key is the name and whose numbers are the limit.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
from apim_sdk import Grant, Limit

__all__ = [
    "DECLARE",
    "GRANT",
    "HIGHEST_NUMBER",
    "LONGEST_KEY",
    "LONGEST_MESSAGE",
    "MEMBERS",
    "MOST_QUESTIONS",
    "RESET",
    "SETTLE",
    "Broken",
    "Messages",
    "answers_of",
    "framed",
    "limit_of",
    "pack_answer",
    "questions_of",
    "settings_of",
]

GRANT, SETTLE, RESET, DECLARE, MEMBERS = range(5)
LONGEST_KEY: Final = 512
"""Characters of a key."""
MOST_QUESTIONS: Final = 256
"""Questions of one message, beside declarations."""
LONGEST_MESSAGE: Final = 8 << 20
"""Bytes: more than that many questions with the longest keys and names ever come to."""
HIGHEST_NUMBER: Final = 1 << 20
"""How many counters a worker may have declared at a time."""
_LARGEST: Final = 1 << 53
_ANSWER: Final = struct.Struct("<qdqd")
_LENGTH: Final = struct.Struct(">I")

pack_answer = _ANSWER.pack
"""The bytes of one answer."""


class Broken(ValueError):
    """A message that is none; the other side cannot be believed any more."""


class Messages:
    """Takes bytes as they come, and gives the messages that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that ``data`` completes. Raises Broken for one that is too long."""
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(buffer, start)
                if length > LONGEST_MESSAGE:
                    raise Broken(f"a message of {length} bytes is too long")
                end = start + _LENGTH.size + length
                if len(buffer) < end:
                    return
                message = bytes(buffer[start + _LENGTH.size : end])
                start = end
                yield message
        finally:
            del buffer[:start]


def framed(message: bytes) -> bytes:
    """A message with its length before it."""
    return _LENGTH.pack(len(message)) + message


def questions_of(message: bytes) -> Iterator[tuple[int, int, str, Any, int]]:
    """The questions of a message. Raises Broken where they are none."""
    try:
        flat = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise Broken("questions must be JSON") from error
    if type(flat) is not list or len(flat) % 5:
        raise Broken("questions have five members each")
    members = iter(flat)
    for question in zip(members, members, members, members, members, strict=True):
        what, number, key, first, second = question
        if type(what) is not int or type(number) is not int or type(key) is not str or type(second) is not int:
            raise Broken("a question has members of the wrong type")
        if not 0 <= number < HIGHEST_NUMBER or (len(key) > LONGEST_KEY and what != DECLARE):
            raise Broken("a question has a number or a key that is too large")
        if what != DECLARE and (
            type(first) is not int or not -_LARGEST < first < _LARGEST or not -_LARGEST < second < _LARGEST
        ):
            raise Broken("a question has units that are no number, or too large")
        yield question


def answers_of(message: bytes) -> list[Grant]:
    """The answers of a message. Raises Broken where they are none."""
    if len(message) % _ANSWER.size:
        raise Broken("answers are of a fixed length each")
    return [Grant(*row) for row in _ANSWER.iter_unpack(message)]


def settings_of(limit: Limit) -> list[Any]:
    """A limit as JSON holds it."""
    zone = limit.zone
    offset = None if isinstance(zone, ZoneInfo) else zone.utcoffset(None)
    named = zone.key if isinstance(zone, ZoneInfo) else None if offset is None else offset.total_seconds()
    if named is None:
        raise ValueError(f"{zone!r} is a time zone without a name; take one of zoneinfo")
    values = attrs.asdict(limit, filter=lambda field, value: field.name != "zone")
    return [*values.values(), named]


def limit_of(settings: Any) -> Limit:
    """The limit of what ``settings_of`` gave. Raises Broken."""
    names = [field.name for field in attrs.fields(Limit) if field.name != "zone"]
    if type(settings) is not list or len(settings) != len(names) + 1:
        raise Broken("a declaration must hold a limit")
    values = dict(zip(names, settings, strict=False))
    try:
        _check_types(settings)
        return Limit(**values, zone=_zone(settings[-1]))
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise Broken(f"a declaration holds no limit: {error}") from error


def _check_types(settings: Sequence[Any]) -> None:
    units, seconds, algorithm, burst, calendar, count_refused, varying, _ = settings
    whole = type(units) is int and type(burst) is int and type(count_refused) is type(varying) is bool
    if not whole or type(seconds) not in (int, float) or type(algorithm) is not str:
        raise TypeError("its members are of the wrong type")
    if not 0 < seconds < _LARGEST or burst >= _LARGEST or not isinstance(calendar, str | None):
        raise ValueError("its numbers are too large")


def _zone(named: Any) -> tzinfo:
    if isinstance(named, str):
        return ZoneInfo(named)
    offset = timedelta(seconds=named)
    return timezone(offset) if offset else UTC
