"""Signatures are verified by the rules, and what the rules leave open is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apim_auth import jws
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import claims, key, part, public, signed

WYCHEPROOF = Path(__file__).resolve().parents[3] / "../shared/conformance/jose-wycheproof"


def verified(token: str, *keys: dict[str, Any]) -> dict[str, Any]:
    parsed = jws.parse(token)
    jws.verify(parsed, keys or (public(),))
    return jws.json_object(parsed.payload, "payload")


def test_a_token_that_a_key_of_ours_signed_is_verified() -> None:
    assert claims() == verified(signed(claims()))


@pytest.mark.parametrize(
    ("alg", "kind", "size"),
    [
        *[(alg, "RSA", 2048) for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")],
        ("ES256", "EC", "P-256"),
        ("ES384", "EC", "P-384"),
        ("ES512", "EC", "P-521"),
        ("EdDSA", "OKP", "Ed25519"),
        ("Ed25519", "OKP", "Ed25519"),
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_key_without_an_algorithm_takes_those_of_its_type_and_curve(alg: str, kind: str, size: Any) -> None:
    token = signed(claims(), with_key=key("a", kind, size), alg=alg)

    assert claims() == verified(token, public("a", kind, size))
    assert claims() == verified(token, public("a", kind, size, alg=alg))


def test_a_key_takes_its_own_algorithm_only() -> None:
    token = signed(claims(), with_key=key("a", "RSA", 2048), alg="RS512")

    with pytest.raises(jws.InvalidSignature, match="no key fits"):
        verified(token, public("a", "RSA", 2048, alg="RS256"))


def test_algorithms_can_be_narrowed_further() -> None:
    with pytest.raises(jws.InvalidSignature, match="not one of those configured"):
        jws.verify(jws.parse(signed(claims())), [public()], algorithms=("RS256",))


def test_several_keys_are_tried() -> None:
    assert claims() == verified(signed(claims()), public("b", "EC", "P-256"), public())


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS256", "HS512", "ES256K", "RSA-OAEP", 7, None, []])
def test_an_algorithm_that_is_no_asymmetric_signature_is_refused(algorithm: Any) -> None:
    token = f"{part({'alg': algorithm})}.{part(claims())}.{part(b'x' * 64)}"

    with pytest.raises(jws.InvalidSignature, match="is not accepted"):
        verified(token)


def test_a_public_key_is_no_secret_for_a_symmetric_signature() -> None:
    import hashlib
    import hmac

    pem = key("a", "RSA", 2048).as_pem(private=False)
    text = f"{part({'alg': 'HS256', 'kid': 'a'})}.{part(claims())}"
    token = f"{text}.{part(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"

    with pytest.raises(jws.InvalidSignature):
        verified(token, public("a", "RSA", 2048))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5c", "x5u"])
def test_a_token_cannot_bring_its_own_key(name: str) -> None:
    with pytest.raises(jws.InvalidSignature, match=f"brings its own key \\({name}\\)"):
        verified(signed(claims(), {name: public("evil")}, key("evil")))


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}, {"b64": True}])
def test_an_extension_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(jws.InvalidSignature, match="asks for an extension"):
        verified(signed(claims(), header))


@pytest.mark.parametrize("kid", [7, ["a"], {"a": 1}, True])
def test_a_kid_that_is_no_text_is_refused(kid: Any) -> None:
    with pytest.raises(jws.InvalidSignature, match="the kid is no text"):
        _ = jws.parse(signed(claims(), {"kid": kid})).key_id


@pytest.mark.parametrize(
    "payload",
    [
        '{"sub": "a", "sub": "b"}',
        '{"a": {"b": 1, "b": 1}}',
        '{"exp": NaN}',
        '{"exp": Infinity}',
        '{"sub": "\\ud800"}',
        b'{"sub": "\xff"}',
        b'\xef\xbb\xbf{"sub": "a"}',
        "[" * 100_000,
        '{"exp": 1' + "0" * 5000 + "}",
        "[]",
        '"text"',
        "",
        "{} {}",
    ],
)
def test_a_payload_that_is_not_one_json_object_is_refused(payload: str | bytes) -> None:
    with pytest.raises(jws.InvalidSignature, match="the payload is no JSON"):
        verified(signed(payload))


def test_a_header_with_two_members_of_one_name_is_refused() -> None:
    _, payload, signature = signed(claims()).split(".")
    header = part('{"alg": "ES256", "alg": "ES256"}')

    with pytest.raises(jws.InvalidSignature, match="two members of one name"):
        verified(f"{header}.{payload}.{signature}")


def test_a_text_escape_that_is_a_character_is_accepted() -> None:
    assert "é😀" == verified(signed('{"sub": "\\u00e9\\ud83d\\ude00"}'))["sub"]


@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": 7}, {"alg": ["ES256"]}, {"kty": []}]
)
def test_a_key_that_is_not_for_verifying_fits_nothing(members: dict[str, Any]) -> None:
    with pytest.raises(jws.InvalidSignature, match="no key fits"):
        verified(signed(claims()), public(**members))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # when the test makes the key
def test_a_weak_rsa_key_fits_nothing() -> None:
    token = signed(claims(), with_key=key("weak", "RSA", 1024), alg="RS256")

    with pytest.raises(jws.InvalidSignature, match="no key fits"):
        verified(token, public("weak", "RSA", 1024))


def test_a_token_has_one_form_only() -> None:
    """Whatever is appended, inserted or respelled, it is another token, and refused."""
    token = signed(claims())
    header, payload, signature = token.split(".")

    for other in (
        token + "=",
        token + ".",
        "." + token,
        token + "\n",
        " " + token,
        f"{header}=.{payload}.{signature}",
        f"{header}.{payload}.{signature}A",
        f"{header}.{payload}.",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature.replace(signature[5], '+', 1)}",
        f"{header}.{payload}.{signature[:-1]}é",
    ):
        with pytest.raises(jws.InvalidSignature):
            verified(other)


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(place=st.integers(0, 10_000), character=st.sampled_from(ALPHABET + "=+/ .\x00"))
def test_no_token_with_a_character_changed_is_accepted(place: int, character: str) -> None:
    token = signed(claims())
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]

    if changed != token:
        with pytest.raises(jws.InvalidSignature):
            verified(changed)


@given(st.text(max_size=200))
def test_whatever_is_presented_is_refused_in_order(text: str) -> None:
    with pytest.raises(jws.InvalidSignature):
        verified(text)


OTHER_ALGORITHM = re.compile(r"Figure20|Figure27")
"""RFC 7520's tokens are by PS384 and ES512, the vectors' keys say PS256 and ES521: our algorithms are the key's."""


def vectors() -> Iterator[Any]:
    for name in ("signature", "key", "crypto"):
        file = WYCHEPROOF / f"json_web_{name}_test.json"
        if not file.is_file():
            continue
        for group in json.loads(file.read_text())["testGroups"]:
            held = group.get("public", group["private"])
            keys = held.get("keys", [held])
            symmetric = any(key["kty"] == "oct" for key in keys)
            for test in group["tests"]:
                if "jws" not in test:  # it is encrypted
                    continue
                accepted = test["result"] == "valid" and not symmetric and not OTHER_ALGORITHM.search(test["comment"])
                token = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
                where = f"{name}-{test['tcId']}-{group['comment']}-{test['comment']}"
                yield pytest.param(token, keys, accepted, id=where)


@pytest.mark.skipif(not WYCHEPROOF.is_dir(), reason="the conformance data is not here")
@pytest.mark.parametrize(("token", "keys", "accepted"), list(vectors()))
def test_wycheproof(token: str, keys: list[dict[str, Any]], accepted: bool) -> None:
    """Symmetric keys are none of ours, so that whatever they signed is refused; all else is as the vectors say."""
    try:
        parsed = jws.parse(token)
        jws.verify(parsed, [key for key in keys if parsed.key_id is None or key.get("kid") in (parsed.key_id, None)])
        outcome = True
    except jws.InvalidSignature:
        outcome = False

    assert accepted == outcome


@pytest.mark.skipif(not WYCHEPROOF.is_dir(), reason="the conformance data is not here")
def test_no_vector_was_overlooked() -> None:
    assert 401 + 26 + 49 == len(list(vectors()))
