"""A client comes in by a signature of its request that is good, covers enough, and is fresh."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from apim_auth.http_signature import HTTPSignature
from apim_auth.http_signature_base import signature_base
from apim_auth.http_signature_fields import BadSignature, parse_signatures
from apim_auth.http_signature_replay import ReplayMemory, ReplayMemoryFull
from apim_auth.lifetimes import Lifetimes
from apim_sdk import Exchange, Principal, Reject
from apim_sdk.body import BodyTooLarge
from apim_sdk.testing import FakeClock, FakeContext, FakeStore, build, make_exchange, started
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from support.client_certificates import issue
from support.signing import (
    BODY,
    CREATED,
    DIGEST,
    ED25519_PUBLIC,
    RSA_PSS_PUBLIC,
    SECRET,
    example,
    signature_fields,
)

OWN: Mapping[str, Any] = {"algorithm": "hmac-sha256", "secret": SECRET, "encoding": "base64"}
KEYS: Mapping[str, Any] = {"k": {**OWN, "client_id": "shop", "scopes": ["read"]}}
TARGET = [
    ('"@method"', "POST"),
    ('"@authority"', "example.com"),
    ('"@path"', "/foo"),
    ('"@query"', "?param=Value&Pet=dog"),
]
COVERED = [*TARGET, ('"content-digest"', DIGEST)]
GOOD = f';created={CREATED};keyid="k"'


def context(store: FakeStore | None = None) -> FakeContext:
    made = FakeContext(stores={} if store is None else {"shared": store})
    made.clock.epoch = CREATED + 1
    return made


async def judged(plugin: HTTPSignature, exchange: Exchange) -> Principal:
    credential = plugin.find(exchange)
    assert credential is not None
    return await plugin.judge(credential, exchange)


def judge(exchange: Exchange, given_context: FakeContext | None = None, **settings: Any) -> Principal:
    async def once() -> Principal:
        plugin = build(HTTPSignature, {"keys": KEYS, **settings})
        async with started(plugin, given_context or context()):
            return await judged(plugin, exchange)

    return asyncio.run(once())


def refusal(exchange: Exchange, given_context: FakeContext | None = None, **settings: Any) -> str:
    """Why it is refused with 401, in the operator's words."""
    with pytest.raises(Reject) as refused:
        judge(exchange, given_context, **settings)
    assert (401, "900901", {"WWW-Authenticate": 'Signature realm="apim"'}) == (
        refused.value.status,
        refused.value.kind.code,
        refused.value.headers,
    )
    return refused.value.detail or ""


def signed(lines: list[tuple[str, str]] = COVERED, parameters: str = GOOD, **arguments: Any) -> Exchange:
    return example(*signature_fields(lines, parameters, **arguments))


# The examples of RFC 9421

EXAMPLES = {
    "B.2.1": (
        'sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
        "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXa"
        "JMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mK"
        "ZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C"
        "8ssinQ98Xw9Q==:",
    ),
    "B.2.2": (
        'sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss"'
        ';tag="header-example"',
        "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB"
        "4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl"
        "+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/Xa"
        "Ve4bXTugEjHSw==:",
    ),
    "B.2.3": (
        'sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-rsa-pss"',
        "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrC"
        "Ub38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC"
        "1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTI"
        "ztsDZKEgM4cUA==:",
    ),
    "B.2.5": (
        'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
        "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    ),
    "B.2.6": (
        'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473'
        ';keyid="test-key-ed25519"',
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ),
}


@pytest.fixture
def rfc_keys(tmp_path: Path) -> Mapping[str, Any]:
    (tmp_path / "pss.pem").write_text(RSA_PSS_PUBLIC)
    (tmp_path / "ed.pem").write_text(ED25519_PUBLIC)
    return {
        "test-key-rsa-pss": {"algorithm": "rsa-pss-sha512", "file": str(tmp_path / "pss.pem")},
        "test-key-ed25519": {"algorithm": "ed25519", "file": str(tmp_path / "ed.pem")},
        "test-shared-secret": OWN,
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_standard_is_good(name: str, rfc_keys: Mapping[str, Any]) -> None:
    fields = [("Signature-Input", EXAMPLES[name][0]), ("Signature", EXAMPLES[name][1])]

    principal = judge(example(*fields), keys=rfc_keys, required=[], body="any")

    assert f'keyid="{principal.subject}"' in EXAMPLES[name][0]


def test_the_base_of_an_example_is_the_one_of_the_standard() -> None:
    (signature,) = parse_signatures(*(text.encode() for text in EXAMPLES["B.2.5"]))

    assert (
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n"content-type": application/json\n'
        b'"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    ) == signature_base(example(), signature)


CHANGES = {"date": '"date"', "host": "@authority", "body": "content-digest", "path": "@path", "value": "sig"}


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name in EXAMPLES for change in CHANGES if CHANGES[change] in EXAMPLES[name][0]],
)
def test_an_example_that_was_changed_is_refused(name: str, change: str, rfc_keys: Mapping[str, Any]) -> None:
    signature_input, value = EXAMPLES[name]
    if change == "value":
        value = value.replace("=:", "=:AAAA", 1)
    exchange = example(("Signature-Input", signature_input), ("Signature", value))
    if change == "date":
        exchange.request.headers.set("Date", "Tue, 20 Apr 2021 02:07:56 GMT")
    elif change == "host":
        exchange.request.host = "example.org"
    elif change == "body":
        exchange.request.body.replace(b'{"hello": "World"}')
    elif change == "path":
        exchange.request.path = "/fop"

    assert refusal(exchange, keys=rfc_keys, required=[], body="any")


# Who it is


def test_the_client_is_the_one_of_the_key() -> None:
    principal = judge(signed())

    assert ("shop", "shop", frozenset({"read"}), "production") == (
        principal.subject,
        principal.client_id,
        principal.scopes,
        principal.key_type,
    )
    assert {"keyid": "k", "covered": [name for name, _ in COVERED]} == principal.claims


def test_a_key_without_a_client_speaks_for_itself() -> None:
    keys = {"k": {**OWN, "key_type": "sandbox"}}
    principal = judge(signed(), keys=keys)

    assert ("k", None, "sandbox") == (principal.subject, principal.client_id, principal.key_type)
    assert not build(HTTPSignature, {"keys": keys}).requires_subscription
    assert build(HTTPSignature, {"keys": KEYS}).requires_subscription


def test_without_a_signature_there_is_no_credential() -> None:
    assert build(HTTPSignature).find(make_exchange(headers={"Signature": "sig=:AA==:"})) is None


ALGORITHMS: Mapping[str, Any] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa-p256-sha256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384-sha384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa-pss-sha512": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-v1_5-sha256": lambda: rsa.generate_private_key(65537, 2048),
}


def written(key: Any, file: Path) -> Mapping[str, Any]:
    public = key.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    file.write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    return {"file": str(file)}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_of_the_standard_is_known(algorithm: str, tmp_path: Path) -> None:
    key = ALGORITHMS[algorithm]()
    keys = {"k": {"algorithm": algorithm, **written(key, tmp_path / "key.pem")}}

    assert "k" == judge(signed(key=key, algorithm=algorithm), keys=keys).subject
    named = signed(parameters=f'{GOOD};alg="{algorithm}"', key=key, algorithm=algorithm)
    assert "k" == judge(named, keys=keys).subject
    other = signed(key=ALGORITHMS[algorithm](), algorithm=algorithm)
    assert "the signature is wrong" == refusal(other, keys=keys)


def test_the_key_may_be_that_of_a_certificate(tmp_path: Path) -> None:
    client = issue("client")
    keys = {"k": {"algorithm": "ecdsa-p256-sha256", "file": str(client.written(tmp_path, "client.pem"))}}

    assert "k" == judge(signed(key=client.key, algorithm="ecdsa-p256-sha256"), keys=keys).subject


def test_the_algorithm_is_the_keys_and_not_the_clients(tmp_path: Path) -> None:
    key = ALGORITHMS["rsa-v1_5-sha256"]()
    keys = {"k": {"algorithm": "rsa-pss-sha512", **written(key, tmp_path / "key.pem")}}
    confused = signed(key=(tmp_path / "key.pem").read_bytes())

    assert "the algorithm is not that of the key" == refusal(
        signed(parameters=f'{GOOD};alg="rsa-v1_5-sha256"', key=key, algorithm="rsa-v1_5-sha256"), keys=keys
    )
    assert "the signature is wrong" == refusal(signed(key=key, algorithm="rsa-v1_5-sha256"), keys=keys)
    assert "the signature is wrong" == refusal(confused, keys=keys)


# What must be covered


@pytest.mark.parametrize("missing", [name for name, _ in COVERED])
def test_a_signature_that_does_not_cover_enough_is_refused(missing: str) -> None:
    lines = [line for line in COVERED if line[0] != missing]

    assert f"the signature does not cover {missing.strip(chr(34))}" == refusal(signed(lines))


def test_the_target_covers_its_parts() -> None:
    lines = [('"@method"', "POST"), ('"@target-uri"', "https://example.com/foo?param=Value&Pet=dog"), COVERED[-1]]

    assert "shop" == judge(signed(lines)).subject


def test_a_part_of_a_component_does_not_cover_it() -> None:
    lines = [*TARGET, ('"content-digest";key="sha-512"', DIGEST.partition("=")[2])]

    assert "the signature does not cover content-digest" == refusal(signed(lines))
    assert "shop" == judge(signed(lines), body="any").subject


def test_a_request_without_a_body_needs_no_digest() -> None:
    lines = [('"@method"', "GET"), *TARGET[1:]]
    exchange = example(*signature_fields(lines, GOOD), line="GET /foo?param=Value&Pet=dog", body=b"")

    assert "shop" == judge(exchange).subject


def test_a_header_that_is_required_must_be_covered() -> None:
    assert "the signature does not cover date" == refusal(signed(), required=["date"])


def test_a_body_that_arrives_in_pieces_is_held_against_its_digest() -> None:
    async def once(chunks: list[bytes]) -> bytes:
        exchange = make_exchange("POST /foo", [("Content-Digest", DIGEST), *fields], chunks, host="example.com")
        async with started(build(HTTPSignature, {"keys": KEYS}), context()) as plugin:
            await judged(plugin, exchange)
        return await exchange.request.body.read()

    lines = [('"@method"', "POST"), ('"@authority"', "example.com"), ('"@path"', "/foo"), ('"@query"', "?")]
    fields = signature_fields([*lines, COVERED[-1]], GOOD)

    assert BODY == asyncio.run(once([BODY[:5], BODY[5:]]))
    with pytest.raises(Reject) as refused:
        asyncio.run(once([BODY[:5], b"x"]))
    assert "the body is not that of its Content-Digest" == refused.value.detail


def test_a_body_that_is_too_large_is_not_read_for_its_digest() -> None:
    with pytest.raises(BodyTooLarge):
        judge(signed(), max_body=17)


@pytest.mark.parametrize(
    ("digest", "because"),
    [
        ("sha-256=:AAAA:", "not that of its Content-Digest"),
        (f"{DIGEST}, sha-256=:AAAA:", "not that of its Content-Digest"),
        ('sha-512="x"', "not that of its Content-Digest"),
        ("md5=:AAAA:", "neither sha-256 nor sha-512"),
        ("sha-512", "not that of its Content-Digest"),
        (":AAAA:", "cannot be read"),
    ],
)
def test_a_digest_that_is_signed_must_be_that_of_the_body(digest: str, because: str) -> None:
    exchange = signed([*TARGET, ('"content-digest"', digest)])
    exchange.request.headers.set("Content-Digest", digest)

    assert because in refusal(exchange)


def test_every_digest_that_is_known_counts() -> None:
    digest = f"{DIGEST}, sha-256=:{b64encode(sha256(BODY).digest()).decode()}:, unixsum=30637"
    exchange = signed([*TARGET, ('"content-digest"', digest)])
    exchange.request.headers.set("Content-Digest", digest)

    assert "shop" == judge(exchange).subject


# When


@pytest.mark.parametrize(
    ("parameters", "because"),
    [
        (';keyid="k"', "does not say when it was created"),
        (f';created={CREATED + 32};keyid="k"', "from the future"),
        (f';created={CREATED - 330};keyid="k"', "too old"),
        (f';created={CREATED - 60};expires={CREATED - 29};keyid="k"', "too old"),
        (f";created={CREATED}", "the key None is not known"),
        (f';created={CREATED};keyid="other"', "the key 'other' is not known"),
        (f';created="{CREATED}";keyid="k"', "of another type"),
        (f";created={CREATED};keyid=k", "of another type"),
        (f';created={CREATED}.5;keyid="k"', "of another type"),
    ],
)
def test_a_signature_that_is_not_for_now_or_of_nobody_is_refused(parameters: str, because: str) -> None:
    assert because in refusal(signed(parameters=parameters))


@pytest.mark.parametrize(
    "parameters",
    [
        f';created={CREATED + 31};keyid="k"',
        f';created={CREATED - 328};keyid="k"',
        f';created={CREATED - 60};expires={CREATED - 28};keyid="k"',
        f';keyid="k";created={CREATED};unknown=1.5;more',
    ],
)
def test_a_signature_is_good_around_its_time(parameters: str) -> None:
    assert "shop" == judge(signed(parameters=parameters)).subject


# Once


def twice(settings: Mapping[str, Any], first: Exchange, second: Exchange, given_context: FakeContext) -> list[str]:
    async def scenario() -> list[str]:
        said = []
        async with started(build(HTTPSignature, {"keys": KEYS, **settings}), given_context) as plugin:
            for exchange in (first, second):
                try:
                    said.append((await judged(plugin, exchange)).subject)
                except Reject as refused:
                    said.append(refused.detail or "")
        return said

    return asyncio.run(scenario())


@pytest.mark.parametrize("settings", [{}, {"store": "shared"}])
def test_a_nonce_is_good_once(settings: Mapping[str, Any]) -> None:
    one, other = (f'{GOOD};nonce="{nonce}"' for nonce in "ab")

    assert ["shop", "the nonce was used before"] == twice(
        settings, signed(parameters=one), signed(parameters=one), context(FakeStore())
    )
    assert ["shop", "shop"] == twice(settings, signed(parameters=one), signed(parameters=other), context(FakeStore()))


def test_without_a_nonce_a_request_may_be_repeated_while_it_is_fresh() -> None:
    assert ["shop", "shop"] == twice({}, signed(), signed(), context())


def test_a_nonce_may_be_asked_for() -> None:
    assert "the signature has no nonce" == refusal(signed(), nonce="required")
    assert "shop" == judge(signed(parameters=f'{GOOD};nonce="a"'), nonce="required").subject


def test_a_nonce_of_a_signature_that_is_wrong_stays_unused() -> None:
    parameters = f'{GOOD};nonce="a"'
    forged = signed(parameters=parameters, key=b"some other secret")

    assert ["the signature is wrong", "shop"] == twice({}, forged, signed(parameters=parameters), context())


def test_where_the_store_is_away_nothing_can_be_told() -> None:
    class Away(FakeStore):
        async def add(self, key: str, value: bytes, expires_in: float | None = None) -> bool:
            raise ConnectionError("away")

    with pytest.raises(Reject) as refused:
        judge(signed(parameters=f'{GOOD};nonce="a"'), context(Away()), store="shared")

    assert (503, "900900") == (refused.value.status, refused.value.kind.code)


def test_what_was_used_is_forgotten_when_it_could_not_be_used_again_anyway() -> None:
    async def scenario() -> list[Any]:
        clock = FakeClock(epoch=0.0)
        memory = ReplayMemory(None, "test", clock.now, Lifetimes(clock), most=2)

        def first(client: str, what: str, until: float) -> Awaitable[bool]:
            return memory.first(client, what, until, example())

        said: list[Any] = [await first("k", "a", 10.0), await first("k", "a", 10.0), await first("k", "b", 20.0)]
        with pytest.raises(ReplayMemoryFull):
            await first("k", "c", 10.0)
        said += [await first("another", "c", 10.0)]
        clock.advance(10.0)
        said += [await first("k", "c", 20.0), len(memory)]
        return said

    assert [True, False, True, True, True, 2] == asyncio.run(scenario())


# Which of several


def two(first: str = "k", second: str = "k", tag: str = "") -> Exchange:
    proxy = signature_fields(COVERED, f';created={CREATED};keyid="{first}"', label="proxy", key=b"another secret...")
    own = signature_fields(COVERED, f';created={CREATED};keyid="{second}"{tag}', label="own")
    return example(*proxy, *own)


def test_one_good_signature_of_several_is_enough() -> None:
    assert "shop" == judge(two("proxy", "k")).subject


def test_only_the_one_of_the_label_counts() -> None:
    assert "shop" == judge(two(), label="own").subject
    assert "the signature is wrong" == refusal(two(), label="proxy")
    assert "none of the signatures" in refusal(two(), label="other")


def test_only_those_of_the_tag_count() -> None:
    assert "shop" == judge(two(tag=';tag="app"'), tag="app").subject
    assert "none of the signatures" in refusal(two(), tag="app")


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [
        ("sig=()", ""),
        ("", "sig=:AA==:"),
        ("sig=()", "other=:AA==:"),
        ("sig=(), sig=()", "sig=:AA==:"),
        ("sig=()", "sig=:AA==:, sig=:AA==:"),
        ('sig="@method"', "sig=:AA==:"),
        ("sig=()", 'sig="AA=="'),
        ("sig=()", "sig"),
        ("sig=(method)", "sig=:AA==:"),
        ('sig=("Date")', "sig=:AA==:"),
        ('sig=("")', "sig=:AA==:"),
        ('sig=("date" "date")', "sig=:AA==:"),
        ('sig=("a";sf;key="b" "a";key="b";sf)', "sig=:AA==:"),
        ("sig=();created=1;created=2", "sig=:AA==:"),
        ('sig=("date";bs;bs)', "sig=:AA==:"),
        ("sig=(", "sig=:AA==:"),
        (", ".join(f"s{n}=()" for n in range(9)), ", ".join(f"s{n}=:AA==:" for n in range(9))),
        (f"sig=({' '.join(chr(34) + f'h{n}' + chr(34) for n in range(65))})", "sig=:AA==:"),
        ("\xff", "\xff"),
    ],
)
def test_fields_that_are_not_in_order_are_refused(signature_input: str, signature: str) -> None:
    assert refusal(example(("Signature-Input", signature_input), ("Signature", signature)))


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_no_text_does_anything_else(signature_input: str, signature: str) -> None:
    try:
        signatures = parse_signatures(signature_input.encode("latin-1"), signature.encode("latin-1"))
    except BadSignature:
        return
    assert signatures


def test_the_endpoint_sees_the_signature_unless_it_may_not() -> None:
    kept, removed = signed(), signed()

    build(HTTPSignature, {"keys": KEYS}).conceal(kept)
    build(HTTPSignature, {"keys": KEYS, "forward": False}).conceal(removed)

    assert {"Signature", "Signature-Input"} <= {name.title() for name in kept.request.headers}
    assert not {"Signature", "Signature-Input"} & {name.title() for name in removed.request.headers}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keys": {}}, "keys"),
        ({"keys": {"k": {"algorithm": "hmac-sha256", "secret": "short"}}}, "at least 16 bytes"),
        (
            {"keys": {"k": {**OWN, "secret": "*" * 40}}},
            "not in base64",
        ),
        ({"keys": {"k": {"algorithm": "hmac-sha256", "file": "a"}}}, "has a `secret`"),
        ({"keys": {"k": {"algorithm": "ed25519", "secret": SECRET}}}, "has a `file`"),
        ({"keys": {"k": {"algorithm": "ed25519"}}}, "has a `file`"),
        ({"keys": KEYS, "required": ["Date"]}, "in lower case"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        build(HTTPSignature, settings)


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256-sha256", "rsa-pss-sha512"])
def test_a_file_that_holds_no_key_for_the_algorithm_stops_the_start(algorithm: str, tmp_path: Path) -> None:
    for content in (b"nothing", issue("p384", key=ec.generate_private_key(ec.SECP384R1())).pem):
        (tmp_path / "bad.pem").write_bytes(content)
        with pytest.raises(ValueError, match=r"bad\.pem"):
            judge(signed(), keys={"k": {"algorithm": algorithm, "file": str(tmp_path / "bad.pem")}})


def test_an_rsa_key_that_is_too_short_stops_the_start(tmp_path: Path) -> None:
    file = written(rsa.generate_private_key(65537, 1024), tmp_path / "short.pem")

    with pytest.raises(ValueError, match="1024"):
        judge(signed(), keys={"k": {"algorithm": "rsa-v1_5-sha256", **file}})
