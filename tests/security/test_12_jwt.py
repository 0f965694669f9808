"""Threat class 12: forged JSON Web Tokens. Each is refused with 401, says nothing, and nothing reaches the backend."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from support.gateway import run
from support.protected import fresh, protected
from support.tokens import ISSUER, key, part, public, signed

GOOD_HEADER = {"alg": "ES256", "kid": "a", "typ": "JWT"}


def unsigned(header: Any, payload: Any, signature: bytes = b"") -> str:
    return f"{part(header)}.{part(payload)}.{part(signature)}"


def mac(secret: bytes, header: Any, payload: Any, algorithm: str = "sha256") -> str:
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{part(hmac.new(secret, text.encode(), getattr(hashlib, algorithm)).digest())}"


def without_algorithm() -> Iterator[Any]:
    for name in ("none", "None", "NONE", "nOnE", "", None, [], {}, 0, False, "NONE\x00"):
        yield pytest.param(unsigned({"alg": name, "typ": "JWT"}, fresh()), id=f"alg {name!r} unsigned")
    for signature in (b"", b"x" * 64):
        yield pytest.param(unsigned({"alg": "none", "kid": "a"}, fresh(), signature), id=f"none with {len(signature)}")
    yield pytest.param(f"{part({'alg': 'none'})}.{part(fresh())}", id="none in two parts")
    yield pytest.param(unsigned({"kid": "a"}, fresh()), id="no alg")
    yield pytest.param(unsigned(GOOD_HEADER, fresh()), id="the signature taken away")
    yield pytest.param(unsigned(GOOD_HEADER, fresh(), bytes(64)), id="a signature of zeros (CVE-2022-21449)")


def symmetric() -> Iterator[Any]:
    rsa = key("rsa", "RSA", 2048)
    jwk = public("rsa", "RSA", 2048)
    secrets = {
        "PEM": rsa.as_pem(private=False),
        "PEM without line end": rsa.as_pem(private=False).strip(),
        "DER": rsa.as_der(private=False),
        "JWK": json.dumps(jwk).encode(),
        "modulus": jwk["n"].encode(),
        "nothing": b"",
        "EC PEM": key().as_pem(private=False),
    }
    for name, secret in secrets.items():
        for algorithm in ("HS256", "HS384", "HS512"):
            header = {"alg": algorithm, "kid": "a" if name.startswith("EC") else "rsa", "typ": "JWT"}
            token = mac(secret, header, fresh(), f"sha{algorithm[2:]}")
            yield pytest.param(token, id=f"{algorithm} with the public key as {name}")


def other_keys() -> Iterator[Any]:
    evil = key("evil")
    for kid in ("a", "evil", "../../../../dev/null", "' OR '1'='1", "a\x00", "a; cat /etc/passwd", "x" * 4000, ""):
        yield pytest.param(signed(fresh(), {"kid": kid}, evil), id=f"kid {kid[:20]!r}")
    for kid in (7, ["a"], {"kid": "a"}, True, None):
        yield pytest.param(signed(fresh(), {"kid": kid}, evil), id=f"kid {kid!r}")
    for name, value in (
        ("jwk", public("evil")),
        ("x5c", ["MIIB"]),
        ("x5u", "https://evil.example/x.pem"),
        ("jku", "https://evil.example/jwks.json"),
    ):
        yield pytest.param(signed(fresh(), {name: value, "kid": "a"}, evil), id=f"key in {name}")
        yield pytest.param(signed(fresh(), {name: value, "kid": "a"}), id=f"{name} beside a good signature")
    yield pytest.param(signed(fresh(), {"kid": "rsa"}), id="the kid of another key")
    rsa = key("rsa", "RSA", 2048)
    yield pytest.param(signed(fresh(), {"alg": "PS256"}, rsa, "RS256"), id="RS256 called PS256")
    yield pytest.param(signed(fresh(), {"alg": "ES256"}, rsa, "RS256"), id="RS256 called ES256")
    yield pytest.param(signed(fresh(), {"alg": "ES256K"}), id="ES256K")


def twisted() -> Iterator[Any]:
    good = json.dumps(fresh())
    doubled = good[:-1] + ', "sub": "root"}'
    yield pytest.param(signed(doubled), id="a claim twice")
    yield pytest.param(signed(good[:-1] + ', "exp": 99999999999}'), id="exp twice")
    yield pytest.param(signed(good[:-1] + ', "\\u0073ub": "root"}'), id="a claim twice, once escaped")
    header, payload, signature = signed(fresh()).split(".")
    twice = part('{"alg": "ES256", "kid": "a", "alg": "none"}')
    yield pytest.param(f"{twice}.{payload}.{signature}", id="alg twice")
    for critical in (["exp"], [], "exp", ["http://x.example/unknown"], None, ["b64"]):
        yield pytest.param(signed(fresh(), {"crit": critical, "b64": True}), id=f"crit {critical!r}")
    yield pytest.param(signed(fresh(), {"b64": False}), id="b64 alone")
    yield pytest.param(signed(fresh(), {"zip": "DEF", "crit": ["zip"]}), id="compressed")
    for name, token in {
        "padding": f"{header}.{payload}.{signature}==",
        "padding of the payload": f"{header}.{payload}=.{signature}",
        "bits left over": f"{header}.{payload}.{signature[:-1]}{'B' if signature[-1] == 'A' else signature[-1]}A",
        "standard alphabet": f"{header}.{payload}.{signature[:-1]}+",
        "line break": f"{header}.{payload}.{signature[:9]}%0a{signature[9:]}",
        "an empty payload": f"{header}..{signature}",
        "four parts": f"{header}.{payload}.{signature}.{signature}",
        "five parts, as if encrypted": f"{header}.{payload}.{signature}.{signature}.{signature}",
        "two dots": "..",
        "JSON form": json.dumps({"payload": payload, "protected": header, "signature": signature}),
        "two tokens": f"{header}.{payload}.{signature}, {header}.{payload}.{signature}",
        "another payload": f"{header}.{part(fresh(sub='root'))}.{signature}",
        "another header": f"{part({**GOOD_HEADER, 'typ': 'at+jwt'})}.{payload}.{signature}",
    }.items():
        yield pytest.param(token, id=name)


def claimed() -> Iterator[Any]:
    for name, changes in {
        "expired": {"exp": 1},
        "never expires": {"exp": None},
        "expires as text": {"exp": "9999999999"},
        "expires beyond dates": {"exp": 1e300},
        "expires true": {"exp": True},
        "not yet": {"nbf": 9_999_999_999},
        "another issuer": {"iss": "https://evil.example"},
        "issuer with a slash more": {"iss": ISSUER + "/"},
        "issuer in another case": {"iss": ISSUER.upper()},
        "no issuer": {"iss": None},
        "a list of issuers": {"iss": [ISSUER]},
        "no subject": {"sub": None, "azp": None},
        "a subject that is no text": {"sub": {"$ne": ""}},
        "bound to a key": {"cnf": {"jkt": "x"}},
        "bound to a certificate": {"cnf": {"x5t#S256": "x"}},
        "bound in an unknown way": {"cnf": {"kid": "a"}},
    }.items():
        yield pytest.param(signed(fresh(**changes)), id=name)
    for content in ("[]", '"x"', "null", "{} {}", "{", '{"exp": NaN}', b"\xff", "[" * 3000):
        yield pytest.param(signed(content), id=f"payload {content[:10]!r}")


@pytest.mark.parametrize("make", [without_algorithm, symmetric, other_keys, twisted, claimed])
def test_a_forged_token_is_refused_and_nothing_reaches_the_backend(
    make: Callable[[], Iterator[Any]], tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            for case in make():
                (token,) = case.values
                answer = await api.get(token)
                assert (401, "900901") == (answer.status, answer.json["code"]), case.id
                assert 'Bearer realm="apim", error="invalid_token"' == answer.headers["WWW-Authenticate"], case.id
                assert [] == api.backend.requests, case.id
            assert await api.is_open()

    run(scenario)


@pytest.mark.parametrize("typ", ["dpop+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt", "JOSE"])
def test_a_token_that_was_made_for_something_else_is_refused(typ: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            answer = await api.get(signed(fresh(), {"typ": typ}))
            assert (401, "900905", []) == (answer.status, answer.json["code"], api.backend.requests)
            assert await api.is_open()

    run(scenario)


def test_a_huge_token_is_refused_unread(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path, "{jwt: {key_manager: main, max_size: 8KiB}}") as api:
            for size, status in ((8_000, 401), (40_000, 431)):
                answer = await api.get(signed(fresh(pad="x" * size)))
                assert (status, []) == (answer.status, api.backend.requests)
            assert await api.is_open()

    run(scenario)


def test_a_key_of_the_token_is_never_fetched(tmp_path: Path) -> None:
    async def scenario() -> None:
        keys = json.dumps({"keys": [public("evil")]})
        async with protected(tmp_path) as api, FakeBackend(Reply(200, (), keys.encode())) as evil:
            for name in ("jku", "x5u"):
                token = signed(fresh(), {name: f"{evil.url}/jwks.json"}, key("evil"))
                assert 401 == (await api.get(token)).status
            token = signed(fresh(iss=evil.url), {}, key("evil"))
            assert 401 == (await api.get(token)).status
            assert (0, []) == (evil.connections, api.backend.requests)

    run(scenario)


def test_a_token_elsewhere_than_configured_is_no_credential(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            token = signed(fresh())
            for answer in (
                await api.served.get(f"/api/x?access_token={token}"),
                await api.get(None, Cookie=f"access_token={token}; Authorization=Bearer {token}"),
                await api.get(None, X_Authorization=f"Bearer {token}"),
                await api.get(None, Authorization=token),
                await api.get(None, Authorization=f"DPoP {token}", DPoP=token),
                await api.get(None),
            ):
                assert (401, "900902") == (answer.status, answer.json["code"])
                assert 'Bearer realm="apim"' == answer.headers["WWW-Authenticate"], "no error without a credential"
            assert [] == api.backend.requests

    run(scenario)


def test_two_authorization_headers_are_no_credential_of_either(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            good = ("Authorization", f"Bearer {signed(fresh())}")
            for headers in ([good, ("Authorization", "Bearer x")], [("Authorization", "Bearer x"), good], [good, good]):
                answer = await api.served.call("GET", "/api/x", headers=headers)
                assert (401, []) == (answer.status, api.backend.requests)

    run(scenario)


def test_the_backend_does_not_see_the_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            token = signed(fresh())
            assert 200 == (await api.get(token)).status
            assert "authorization" not in api.backend.requests[0].headers
            assert token.encode() not in api.backend.requests[0].head

    run(scenario)


def test_the_answer_tells_neither_reason_nor_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            bodies = set()
            for token in (signed(fresh(exp=1)), signed(fresh(), {}, key("evil")), "x.y.z"):
                answer = await api.get(token)
                assert token.encode() not in answer.body
                bodies.add(answer.body)
            assert 1 == len(bodies)

    run(scenario)


def test_no_token_of_one_key_manager_passes_for_one_of_another(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps({"keys": [public("other")]}))
    more = f"""key_managers: {{
        main: {{oidc: {{issuer: "{ISSUER}", jwks: {{file: jwks.json}}}}}},
        other: {{oidc: {{issuer: "https://other.example", jwks: {{file: other.json}}}}}}}}"""

    async def scenario() -> None:
        async with protected(tmp_path, "{jwt: {key_manager: main}}") as api:
            text = (tmp_path / "apim.yaml").read_text()
            start = text.index("key_managers:")
            await api.served.reload(text[:start] + " ".join(more.split()) + text[text.index("\napis:") :])
            other = fresh(iss="https://other.example")
            for token in (
                signed(other, {}, key("other")),
                signed(other),
                signed(fresh(), {}, key("other")),
                signed(fresh(), {"kid": "a"}, key("other")),
            ):
                assert (401, []) == ((await api.get(token)).status, api.backend.requests)
            assert await api.is_open()

    run(scenario)
