"""Records as lines of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any, Final

from apim_sdk import MessageTotals, Record

__all__ = ["LineWriter"]

_REMEMBERED: Final = 4096
"""Pieces of each kind that are kept; when there are more, all are made anew."""
_USE: Final = ("method", "host", "status", "api", "version", "operation", "plan", "application")
_use: Final = attrgetter(*_USE)
_LINE: Final = (  # formatted with %, which is quicker here than an f-string
    '{"timestamp":"%s.%03dZ","exchange_id":%s,%s,"path":%s,"subject":%s,"client_address":%s,'
    '"bytes_received":%d,"bytes_sent":%d,"duration":%.6f,"endpoint_duration":%.6f%s%s}\n'
)


class LineWriter:
    """Makes lines out of records. What few values stand for in many records is encoded once.

    One thread at a time may use it.
    """

    __slots__ = ("_addresses", "_second", "_seconds", "_uses")

    def __init__(self) -> None:
        self._uses: dict[tuple[Any, ...], str] = {}
        self._addresses: dict[int, tuple[IPv4Address | IPv6Address, str]] = {}  # by id: to hash one is slower
        self._seconds = -1
        self._second = ""

    def lines(self, records: Iterable[Record]) -> str:
        """The lines of all records, one after the other."""
        lines: list[str] = []
        known_use, known_address = self._uses.get, self._addresses.get
        text = encode_basestring
        for record in records:
            timestamp = record.timestamp
            seconds = int(timestamp)
            if seconds != self._seconds:
                self._seconds, self._second = seconds, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            use = _use(record)
            address = record.client_address
            known = known_address(id(address))
            subject = record.subject
            lines.append(
                _LINE
                % (
                    self._second,
                    (timestamp - seconds) * 1000,
                    text(record.exchange_id),
                    known_use(use) or self._use(use),
                    text(record.path),
                    "null" if subject is None else text(subject),
                    self._address(address) if known is None else known[1],
                    record.bytes_received,
                    record.bytes_sent,
                    record.duration,
                    record.endpoint_duration,
                    "" if record.messages is None else _messages(record.messages),
                    "" if record.error_key is None else _error(record),
                )
            )
        return "".join(lines)

    def _use(self, values: tuple[Any, ...]) -> str:
        if len(self._uses) >= _REMEMBERED:
            self._uses.clear()
        members = dict(zip(_USE, values, strict=True))
        made = self._uses[values] = json.dumps(members, ensure_ascii=False, separators=(",", ":"))[1:-1]
        return made

    def _address(self, address: IPv4Address | IPv6Address) -> str:
        if len(self._addresses) >= _REMEMBERED:
            self._addresses.clear()
        made = f'"{address}"'
        self._addresses[id(address)] = (address, made)  # which keeps it, so that no other has its id
        return made


def _messages(totals: MessageTotals) -> str:
    closed_by = "" if totals.closed_by is None else f',"closed_by":{encode_basestring(totals.closed_by)}'
    return (
        f',"stream":"{totals.stream}","messages_received":{totals.received},"messages_sent":{totals.sent},'
        f'"message_bytes_received":{totals.bytes_received},"message_bytes_sent":{totals.bytes_sent},'
        f'"messages_refused":{totals.refused},"messages_dropped":{totals.dropped}{closed_by}'
    )


def _error(record: Record) -> str:
    members = {
        "error_key": record.error_key,
        "error_code": record.error_code,
        "error_detail": record.error_detail,
        "policy": record.policy,
    }
    return f",{json.dumps(members, ensure_ascii=False, separators=(',', ':'))[1:-1]}"
