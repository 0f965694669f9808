"""Reads answers: status, fields, content and trailers, and where they end (RFC 9112, sections 4 to 7).

llhttp (through httptools) splits the bytes and refuses what is not HTTP; what it lets pass for the sake of old servers
is refused here. An answer ends, in this order of precedence (RFC 9112, section 6.3),

    with its head             to HEAD, and with status 204 or 304
    with its last chunk       Transfer-Encoding: chunked, alone, in HTTP/1.1
    after its Content-Length  one, of digits only
    with its connection       else

and is refused if two of these could be meant, since then another reader might see another end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from types import MappingProxyType

from apim_sdk.headers import Headers, Pair
from httptools import HttpResponseParser

from apim_core.http.upstream_fields import (
    CONNECTION,
    CONTENT_LENGTH,
    KEEP_ALIVE,
    TRANSFER_ENCODING,
    UPGRADE,
    FieldKinds,
    listed,
)

__all__ = ["ARRIVING", "BEGUN", "COMPLETE", "WAITING", "AnswerReader", "Informational", "Violation"]

WAITING, BEGUN, ARRIVING, COMPLETE = range(4)

_BODILESS = (204, 304)
_KEPT = (CONTENT_LENGTH, UPGRADE)
_standard_phrase = MappingProxyType({status.value: status.phrase.encode() for status in HTTPStatus}).get
_PHRASE = re.compile(rb"[\t \x21-\x7e\x80-\xff]*").fullmatch

Informational = Callable[[int, Headers], None]
"""Gets each interim answer (1xx) but 100 and 101: its status and its fields."""


class Violation(Exception):
    """The answer is not HTTP that can be passed on safely; the text says what is wrong with it."""


class AnswerReader:
    """Reads the answers of one connection, one after the other.

    ``begin`` says what is expected; then ``feed`` takes bytes, and ``stage`` goes from WAITING over BEGUN (a byte has
    come) and ARRIVING (the head is complete) to COMPLETE. ``headers`` and, at the end, ``fields`` (then the trailers)
    are new lists for each answer, so whoever takes them owns them; whoever takes ``chunks`` puts a new one there.
    """

    __slots__ = (
        "_interim",
        "_kinds",
        "_max_headers",
        "_max_interim",
        "_parser",
        "_reason",
        "_special",
        "_spoiled",
        "_upgrade",
        "chunks",
        "feed",
        "fields",
        "head_only",
        "headers",
        "informational",
        "keep_alive",
        "length",
        "phrase",
        "reusable",
        "stage",
        "status",
        "until_close",
    )

    def __init__(self, kinds: FieldKinds, max_headers: int, max_interim: int) -> None:
        self._kinds = kinds
        self._max_headers = max_headers
        self._max_interim = max_interim
        self._special: list[tuple[int, bytes]] = []
        self._reason = b""
        self.status = 0
        self.phrase: str | None = None
        """The reason phrase; None if it is the standard one."""
        self.headers: list[Pair] = []
        self.fields: list[Pair] = []
        self.chunks: list[bytes] = []
        self.length: int | None = None
        """The Content-Length."""
        self.until_close = False
        """Whether the answer lasts until the connection closes."""
        self.reusable = False
        """Whether the backend keeps the connection after this answer; known when it is complete."""
        self.keep_alive: float | None = None
        """Seconds for which the backend says that it keeps the connection."""
        self._renew()
        self.begin()

    def _renew(self) -> None:
        self._parser = HttpResponseParser(self)
        self.feed = self._parser.feed_data
        """Takes bytes. Raises httptools.HttpParserError, whose context is a Violation if it was refused here."""
        self._spoiled = False

    def begin(self, head_only: bool = False, upgrade: bool = False, informational: Informational | None = None) -> None:
        """Expect an answer: without content whatever its head says; with 101 allowed; interim answers go where."""
        if self._spoiled:
            self._renew()
        if self.fields:
            self.fields = []
        self.head_only = head_only
        self._upgrade = upgrade
        self.informational = informational
        self._interim = 0
        self.stage = WAITING

    # Called by the parser

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self.stage >= ARRIVING:
            raise Violation("more bytes follow the end of the answer")
        self.stage = BEGUN
        self._reason = b""

    def on_status(self, reason: bytes) -> None:
        """A piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or a trailer; what concerns the connection goes no further."""
        kind = self._kinds[name]
        if not kind:
            self.fields.append((name, value))
        elif self.stage < ARRIVING:
            self._special.append((kind, value))
            if kind in _KEPT:
                self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        status = self.status = self._parser.get_status_code()
        if self._reason == _standard_phrase(status):
            self.phrase = None
        else:
            self._check_status(status)
        if len(self.fields) + len(self._special) > self._max_headers:
            raise Violation(f"its head has more than {self._max_headers} fields")
        self.length = None
        framed = self._read_special(status) if self._special else False
        if status < 200:
            self._take_interim(status)
            return
        self.stage = ARRIVING
        self.headers = self.fields
        self.fields = []
        self.until_close = not framed
        if self.head_only or status in _BODILESS:
            self.until_close = False
            self.stage = COMPLETE
            self.reusable = self._parser.should_keep_alive()
            self._spoiled = True

    def on_body(self, data: bytes) -> None:
        """A piece of the content."""
        if self.stage == COMPLETE:
            raise Violation("content follows where there is none")
        self.chunks.append(data)

    def on_message_complete(self) -> None:
        """The answer ends."""
        if self.stage >= ARRIVING:
            self.stage = COMPLETE
            self.reusable = self._parser.should_keep_alive()
            self._spoiled = False

    # Looking closer

    def _check_status(self, status: int) -> None:
        if status < 100:
            raise Violation(f"{status:03} is not a status")
        if _PHRASE(self._reason) is None:
            raise Violation("its reason phrase is not text")
        self.phrase = self._reason.decode("latin-1")

    def _read_special(self, status: int) -> bool:
        """What the fields say that the wire itself minds; whether they tell the end of the content."""
        special = self._special
        self._special = []
        length = coding = None
        for kind, value in special:
            if kind == CONTENT_LENGTH:
                if length is not None:
                    raise Violation("it has more than one Content-Length")
                length = value
            elif kind == CONNECTION:
                lower = value.lower()
                if lower != b"keep-alive" and lower != b"close":
                    self._drop_listed(value)
            elif kind == TRANSFER_ENCODING:
                if coding is not None or value.rstrip(b" \t").lower() != b"chunked":
                    raise Violation("its Transfer-Encoding is not chunked alone")
                coding = value
            elif kind == KEEP_ALIVE:
                self.read_keep_alive(value)
            elif kind == UPGRADE and status != 101:
                self._drop(frozenset((b"upgrade",)))
        if coding is not None:
            if length is not None:
                raise Violation("it has both Content-Length and Transfer-Encoding")
            if self._parser.get_http_version() != "1.1":
                raise Violation("it has Transfer-Encoding but is not HTTP/1.1")
            return True
        if length is None:
            return False
        self.length = int(length)
        return True

    def _drop_listed(self, connection: bytes) -> None:
        self._drop(listed(connection) - {b"upgrade"})

    def _drop(self, names: frozenset[bytes]) -> None:
        self.fields = [pair for pair in self.fields if pair[0].lower() not in names]

    def read_keep_alive(self, value: bytes) -> None:
        """Heed a value of Keep-Alive."""
        for parameter in value.split(b","):
            name, _, seconds = parameter.partition(b"=")
            if name.strip().lower() == b"timeout" and seconds.strip().isdigit():
                self.keep_alive = float(seconds[:9])

    def _take_interim(self, status: int) -> None:
        fields, self.fields = self.fields, []
        if status == 101:
            if not self._upgrade:
                raise Violation("it changes the protocol without having been asked to")
            self.headers = fields
            return
        self._interim += 1
        if self._interim > self._max_interim:
            raise Violation(f"more than {self._max_interim} interim answers came before it")
        if status != 100 and self.informational is not None:
            self.informational(status, Headers.from_raw(fields))
