"""The status of a certificate by OCSP: which answers are believed, and what they say."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from apim_auth.ocsp import NoStatus, Status, question, responder_of, status_of
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from support.client_certificates import DAY, START, Issued, issue, status_answer

NOW = START + 30 * DAY
SIGNING = (ExtendedKeyUsageOID.OCSP_SIGNING,)
ROOT = issue("Root", authority=True)
SHOP = issue("shop", ROOT, responder="http://ocsp.example/root")
OTHER = issue("other", ROOT)
STRANGER = issue("Root", authority=True)
RESPONDER = issue("responder", ROOT, usages=SIGNING)


def told(answer: bytes, about: Issued = SHOP, by: Issued = ROOT, now: datetime.datetime = NOW) -> Status:
    return status_of(answer, about.certificate, by.certificate, now, datetime.timedelta(hours=1))


def test_the_certificate_names_the_responder() -> None:
    assert "http://ocsp.example/root" == responder_of(SHOP.certificate)
    assert responder_of(OTHER.certificate) is None


def test_the_question_names_the_certificate() -> None:
    asked = ocsp.load_der_ocsp_request(question(SHOP.certificate, ROOT.certificate))
    assert SHOP.certificate.serial_number == asked.serial_number
    assert isinstance(asked.hash_algorithm, hashes.SHA1)


@pytest.mark.parametrize(
    ("status", "good"),
    [
        (ocsp.OCSPCertStatus.GOOD, True),
        (ocsp.OCSPCertStatus.REVOKED, False),
        (ocsp.OCSPCertStatus.UNKNOWN, False),
    ],
)
def test_an_answer_says_whether_the_certificate_is_good(status: ocsp.OCSPCertStatus, good: bool) -> None:
    assert Status(good, START + 365 * DAY) == told(status_answer(SHOP, ROOT, status=status))


def test_an_answer_may_leave_open_until_when_it_holds_if_it_is_new() -> None:
    answer = status_answer(SHOP, ROOT, start=NOW, days=None)
    for minutes in (0, 60, 65):
        assert Status(True, None) == told(answer, now=NOW + datetime.timedelta(minutes=minutes))
    with pytest.raises(NoStatus, match="of another time"):
        told(answer, now=NOW + datetime.timedelta(minutes=66))


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate(), None],
    ids=["RSA", "Ed25519", "EC"],
)
def test_authorities_have_keys_of_several_kinds(key: Any) -> None:
    root = issue("Root", authority=True, key=key)
    shop = issue("shop", root)
    assert told(status_answer(shop, root), shop, root).good


def test_a_responder_that_the_authority_has_named_may_sign() -> None:
    assert told(status_answer(SHOP, ROOT, signer=RESPONDER)).good


@pytest.mark.parametrize(
    "signer",
    [
        STRANGER,
        issue("responder", STRANGER, usages=SIGNING),
        OTHER,
        issue("responder", ROOT, usages=None),
        issue("responder", ROOT, usages=SIGNING, days=10),
        issue("responder", ROOT, usages=SIGNING, start=NOW + DAY),
    ],
    ids=["a stranger", "a stranger's responder", "a client", "no responder", "one that is over", "one not yet good"],
)
def test_nobody_else_may_sign(signer: Issued) -> None:
    with pytest.raises(NoStatus, match="has signed"):
        told(status_answer(SHOP, ROOT, signer=signer))


def test_a_weak_signature_is_none() -> None:
    with pytest.raises(NoStatus, match="has signed"):
        told(status_answer(SHOP, ROOT, algorithm=hashes.SHA224()))


def test_an_answer_about_another_certificate_says_nothing() -> None:
    with pytest.raises(NoStatus, match="about another"):
        told(status_answer(OTHER, ROOT))


@pytest.mark.parametrize(
    ("start", "days", "good"),
    [(NOW - DAY, 2, True), (NOW - 3 * DAY, 2, False), (NOW + DAY, 2, False), (NOW + DAY / 1440, 2, True)],
)
def test_an_answer_is_of_its_time(start: datetime.datetime, days: float, good: bool) -> None:
    answer = status_answer(SHOP, ROOT, start=start, days=days)
    if good:
        assert told(answer).good
    else:
        with pytest.raises(NoStatus, match="of another time"):
            told(answer)


def test_a_responder_may_say_that_it_does_not_answer() -> None:
    refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    with pytest.raises(NoStatus, match="TRY_LATER"):
        told(refusal.public_bytes(Encoding.DER))


GOOD = status_answer(SHOP, ROOT)


@given(st.binary(max_size=64) | st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)))
def test_no_other_bytes_are_believed(change: bytes | tuple[int, int]) -> None:
    if isinstance(change, bytes):
        answer = change
    else:
        answer = bytes(byte ^ change[1] if place == change[0] else byte for place, byte in enumerate(GOOD))
    try:
        found = told(answer)
    except NoStatus:
        return
    assert found == told(GOOD), "what is outside the signature does not count"
