"""What clients send beside their certificates, by whatever way Python's ssl module gives it."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from apim_core.http.sent_certificates import MOST, MOST_BYTES, SentCertificates


class Public:
    """A connection as Python 3.13 has it."""

    def __init__(self, *chain: bytes, resumed: bool = False) -> None:
        self.session_reused = resumed
        self._chain = list(chain)

    def get_unverified_chain(self) -> list[bytes]:
        return self._chain


class Neither:
    """One that tells nothing."""

    session_reused = False


def test_the_own_certificate_is_not_among_them() -> None:
    connection: Any = Public(b"own", b"one", b"two")

    assert (b"one", b"two") == SentCertificates().of(connection, b"own")


def test_where_ssl_does_not_tell_nothing_was_sent() -> None:
    connection: Any = Neither()

    assert () == SentCertificates().of(connection, b"own")


def test_ssl_tells_here() -> None:
    """Else chains that clients send would silently count for nothing."""
    beneath = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)

    assert hasattr(beneath, "get_unverified_chain") or hasattr(beneath._sslobj, "get_unverified_chain")  # type: ignore[attr-defined]


@pytest.mark.parametrize("others", [[b"%d" % number for number in range(MOST + 1)], [b"x" * (MOST_BYTES + 1)]])
def test_of_too_many_nothing_is_taken(others: list[bytes]) -> None:
    connection: Any = Public(b"own", *others)

    assert () == SentCertificates().of(connection, b"own")


def test_a_connection_that_resumes_has_what_that_client_sent_last() -> None:
    sent = SentCertificates()
    first: Any = Public(b"own", b"one")
    again: Any = Public(resumed=True)

    sent.of(first, b"own")
    assert [(b"one",), ()] == [sent.of(again, b"own"), sent.of(again, b"other")]

    first = Public(b"own")
    sent.of(first, b"own")
    assert () == sent.of(again, b"own")
