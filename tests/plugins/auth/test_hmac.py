"""A client comes in by a signature as the draft before RFC 9421 has it, with a secret that it shares."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256, sha512
from typing import Any

import pytest
from apim_auth.hmac import HMAC
from apim_auth.hmac_fields import parse_signature, signing_string
from apim_auth.http_signature_fields import BadSignature
from apim_sdk import Exchange, Principal, Reject
from apim_sdk.testing import FakeContext, FakeStore, build, make_exchange, started
from hypothesis import given
from hypothesis import strategies as st

SECRET = "a secret of sixteen bytes"
NOW = 1402170695
DATE = "Sat, 07 Jun 2014 19:51:35 GMT"
BODY = b'{"hello": "world"}'
KEYS: Mapping[str, Any] = {"k": {"secret": SECRET, "client_id": "shop", "scopes": ["read"]}}


def request(*fields: tuple[str, str], body: bytes = b"", line: str = "POST /foo?param=value&pet=dog") -> Exchange:
    return make_exchange(line, [("Host", "example.com"), ("Date", DATE), *fields], body)


def signed(
    covered: str = "(request-target) host (created)",
    parameters: str = f"created={NOW}",
    *,
    lines: Mapping[str, str] = {},  # not changed
    secret: str = SECRET,
    hashing: Any = sha256,
    keyid: str = "k",
) -> str:
    """The parameters of a signature over what is covered; nothing of ours is used."""
    known = {
        "(request-target)": "post /foo?param=value&pet=dog",
        "host": "example.com",
        "(created)": str(NOW),
        "date": DATE,
        **lines,
    }
    text = "\n".join(f"{name}: {known[name]}" for name in covered.split(" "))
    value = b64encode(hmac.digest(secret.encode(), text.encode(), hashing)).decode()
    own = f"{parameters}," if parameters else ""
    return f'keyId="{keyid}",{own}headers="{covered}",signature="{value}"'


async def judged(plugin: HMAC, exchange: Exchange) -> Principal:
    credential = plugin.find(exchange)
    assert credential is not None
    return await plugin.judge(credential, exchange)


def context(now: float = NOW, store: FakeStore | None = None) -> FakeContext:
    made = FakeContext(stores={} if store is None else {"shared": store})
    made.clock.epoch = now
    return made


def judge(text: str, *fields: tuple[str, str], content: bytes = b"", now: float = NOW, **settings: Any) -> Principal:
    header = settings.get("header", "Authorization")
    value = text if header == "Signature" else f"Signature {text}"

    async def once() -> Principal:
        async with started(build(HMAC, {"keys": KEYS, **settings}), context(now)) as plugin:
            return await judged(plugin, request((header, value), *fields, body=content))

    return asyncio.run(once())


def refusal(*arguments: Any, **settings: Any) -> str:
    """Why it is refused with 401, in the operator's words."""
    with pytest.raises(Reject) as refused:
        judge(*arguments, **settings)
    assert (401, "900901") == (refused.value.status, refused.value.kind.code)
    assert refused.value.headers["WWW-Authenticate"].startswith('Signature realm="apim",headers="(created) ')
    return refused.value.detail or ""


def test_the_client_is_the_one_of_the_key() -> None:
    principal = judge(signed())

    assert ("shop", "shop", frozenset({"read"}), "production") == (
        principal.subject,
        principal.client_id,
        principal.scopes,
        principal.key_type,
    )
    assert {"keyid": "k", "covered": ["(request-target)", "host", "(created)"]} == principal.claims


@pytest.mark.parametrize("header", ["Authorization", "Signature"])
def test_the_signature_stands_in_either_header(header: str) -> None:
    assert "shop" == judge(signed(), header=header).subject


def test_the_text_that_is_signed_is_the_one_of_the_draft() -> None:
    exchange = make_exchange(
        "GET /foo",
        [
            ("Host", "example.org"),
            ("Date", "Tue, 07 Jun 2014 20:51:35 GMT"),
            ("X-Example", "Example header\n    with some whitespace.".replace("\n    ", " ")),
            ("X-EmptyHeader", ""),
            ("Cache-Control", "max-age=60"),
            ("Cache-Control", "must-revalidate"),
        ],
    )
    covered = "(request-target) (created) host date cache-control x-emptyheader x-example"
    signature = parse_signature(f'keyId="k",created=1402170695,headers="{covered}",signature="AAAA"')

    assert (
        b"(request-target): get /foo\n(created): 1402170695\nhost: example.org\ndate: Tue, 07 Jun 2014 20:51:35 GMT\n"
        b"cache-control: max-age=60, must-revalidate\nx-emptyheader: \nx-example: Example header with some whitespace."
    ) == signing_string(exchange.request, signature, with_query=True)


@pytest.mark.parametrize(
    ("algorithm", "hashing"), [("hmac-sha256", sha256), ("hmac-sha384", "sha384"), ("hmac-sha512", sha512)]
)
@pytest.mark.parametrize("named", ["", 'algorithm="hs2019",', 'algorithm="{}",'])
def test_the_algorithm_is_the_keys(algorithm: str, hashing: Any, named: str) -> None:
    keys = {"k": {"secret": SECRET, "algorithm": algorithm}}
    text = signed(parameters=f"{named.format(algorithm)}created={NOW}", hashing=hashing)

    assert "k" == judge(text, keys=keys).subject


def test_an_algorithm_that_is_another_is_refused() -> None:
    assert "the algorithm is not that of the key" == refusal(signed(parameters=f'algorithm="hmac-sha1",created={NOW}'))


def test_gravitees_clients_sign_the_path_alone() -> None:
    text = signed(lines={"(request-target)": "post /foo"})

    assert "shop" == judge(text, query=False).subject
    assert "the signature is wrong" == refusal(text)


def test_a_secret_may_be_bytes() -> None:
    keys = {"k": {"secret": b64encode(SECRET.encode()).decode(), "encoding": "base64"}}

    assert "k" == judge(signed(), keys=keys).subject


def test_a_date_will_do_for_created() -> None:
    assert "shop" == judge(signed("(request-target) host date", "")).subject
    assert "shop" == judge(signed("(request-target) host date", 'algorithm="hmac-sha256"')).subject


@pytest.mark.parametrize(
    ("covered", "because"),
    [
        ("host (created)", "does not cover (request-target)"),
        ("(request-target) (created)", "does not cover host"),
        ("(request-target) host", "covers neither (created) nor date"),
    ],
)
def test_a_signature_that_does_not_cover_enough_is_refused(covered: str, because: str) -> None:
    assert because in refusal(signed(covered))


def test_what_is_covered_must_be_there() -> None:
    assert "the header x-more is not there" == refusal(
        signed("(request-target) host (created) x-more", lines={"x-more": "1"})
    )
    assert "the signature covers (expires) and does not have it" == refusal(
        signed("(request-target) host (created) (expires)", lines={"(expires)": "1"})
    )


@pytest.mark.parametrize(
    "text",
    [
        signed(secret="another secret of sixteen"),
        signed(lines={"host": "example.org"}),
        signed(lines={"(request-target)": "get /foo?param=value&pet=dog"}),
        signed(lines={"(request-target)": "post /foo?param=value&pet=cat"}),
        signed(lines={"(created)": str(NOW - 1)}),
        signed().replace('signature="', 'signature="AAAA'),
        signed().rpartition(",")[0] + ',signature=""',
    ],
)
def test_a_signature_of_something_else_is_refused(text: str) -> None:
    assert "the signature is wrong" == refusal(text)


@pytest.mark.parametrize(
    ("now", "parameters", "because"),
    [
        (NOW - 31, "", "from the future"),
        (NOW + 330, "", "too old"),
        (NOW + 60, f",expires={NOW + 29}", "too old"),
        (NOW + 60, f",expires={NOW + 29}.5", "too old"),
        (NOW - 30, "", ""),
        (NOW + 329, "", ""),
        (NOW + 59, f",expires={NOW + 30}", ""),
    ],
)
def test_a_signature_is_good_around_its_time(now: int, parameters: str, because: str) -> None:
    text = signed(parameters=f"created={NOW}{parameters}")

    if because:
        assert because in refusal(text, now=now)
    else:
        assert "shop" == judge(text, now=now).subject


def test_a_date_that_is_none_is_refused() -> None:
    exchange = request(("Authorization", f"Signature {signed('(request-target) host date', '')}"))
    exchange.request.headers.set("Date", "yesterday")

    async def once() -> None:
        async with started(build(HMAC, {"keys": KEYS}), context()) as plugin:
            await judged(plugin, exchange)

    with pytest.raises(Reject) as refused:
        asyncio.run(once())
    assert "the Date is none" == refused.value.detail


def digest(body: bytes, name: str = "SHA-256") -> str:
    return f"{name}={b64encode((sha256 if name == 'SHA-256' else sha512)(body).digest()).decode()}"


COVERED = "(request-target) host (created) digest"


@pytest.mark.parametrize("value", [digest(BODY), digest(BODY, "SHA-512"), f"md5=x, {digest(BODY)}"])
def test_a_body_is_held_against_its_digest(value: str) -> None:
    text = signed(COVERED, lines={"digest": value})

    assert "shop" == judge(text, ("Digest", value), content=BODY).subject
    assert "the body is not that of its Digest" == refusal(text, ("Digest", value), content=BODY + b" ")


def test_a_body_must_be_covered() -> None:
    assert "the signature does not cover digest" == refusal(signed(), ("Digest", digest(BODY)), content=BODY)
    assert "shop" == judge(signed(), content=BODY, body="any").subject
    assert "Digest has neither SHA-256 nor SHA-512" == refusal(
        signed(COVERED, lines={"digest": "MD5=x"}), ("Digest", "MD5=x"), content=BODY
    )


@pytest.mark.parametrize("settings", [{}, {"store": "shared"}])
def test_a_signature_may_be_good_once_only(settings: Mapping[str, Any]) -> None:
    async def scenario(once: bool) -> list[str]:
        said = []
        async with started(build(HMAC, {"keys": KEYS, "once": once, **settings}), context(store=FakeStore())) as plugin:
            for _ in range(2):
                try:
                    said.append((await judged(plugin, request(("Authorization", f"Signature {signed()}")))).subject)
                except Reject as refused:
                    said.append(refused.detail or "")
        return said

    assert ["shop", "the signature was used before"] == asyncio.run(scenario(True))
    assert ["shop", "shop"] == asyncio.run(scenario(False))


def test_where_the_store_is_away_nothing_can_be_told() -> None:
    async def once() -> None:
        store = FakeStore()
        async with started(
            build(HMAC, {"keys": KEYS, "once": True, "store": "shared"}), context(store=store)
        ) as plugin:
            store.away = True
            await judged(plugin, request(("Authorization", f"Signature {signed()}")))

    with pytest.raises(Reject) as refused:
        asyncio.run(once())
    assert 503 == refused.value.status


@pytest.mark.parametrize(
    "text",
    [
        "keyId",
        'keyId="k"',
        'keyId="k",signature="!"',
        'signature="AAAA"',
        'keyId="k",keyId="k",signature="AAAA"',
        'keyId="k",signature="AAAA",headers="host host"',
        'keyId="k",signature="AAAA",headers=""',
        'keyId="k",signature="AAAA",headers="host  date"',
        'keyId=k,signature="AAAA"',
        'keyId="k",signature="AAAA",created="1"',
        'keyId="k",signature="AAAA",created=1.5',
        'keyId="k",signature="AAAA",more="1"',
        'keyId="k" signature="AAAA"',
        'keyId="other",signature="AAAA"',
        "x" * 9000,
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_signature_is_refused(text: str) -> None:
    assert refusal(text)


@given(st.text())
def test_no_text_does_anything_else(text: str) -> None:
    try:
        parse_signature(text)
    except BadSignature:
        return
    assert "signature" in text


@pytest.mark.parametrize("value", ["", "Bearer x", "Signature", "Signature "])
def test_without_a_signature_there_is_no_credential(value: str) -> None:
    assert build(HMAC, {"keys": KEYS}).find(make_exchange(headers={"Authorization": value})) is None


def test_a_signature_by_the_standard_is_none_of_the_draft() -> None:
    exchange = make_exchange(headers={"Signature-Input": "sig=()", "Signature": "sig=:AA==:"})

    assert build(HMAC, {"keys": KEYS, "header": "Signature"}).find(exchange) is None


def test_the_endpoint_does_not_see_the_signature() -> None:
    kept, removed = (request(("Authorization", "Signature x")) for _ in range(2))

    build(HMAC, {"keys": KEYS, "forward": True}).conceal(kept)
    build(HMAC, {"keys": KEYS}).conceal(removed)

    assert [True, False] == ["Authorization" in each.request.headers for each in (kept, removed)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keys": {}}, "keys"),
        ({"keys": {"k": {"secret": "short"}}}, "at least 16 bytes"),
        ({"keys": {"k": {"secret": "*" * 40, "encoding": "base64"}}}, "not in base64"),
        ({"keys": KEYS, "required": ["Host"]}, "no header in lower case"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        build(HMAC, settings)


def test_a_subscription_is_asked_for_where_keys_are_of_applications() -> None:
    assert build(HMAC, {"keys": KEYS}).requires_subscription
    assert not build(HMAC, {"keys": {"k": {"secret": SECRET}}}).requires_subscription


@pytest.mark.parametrize("digits", [16, 400, 5000])
@pytest.mark.parametrize("name", ["created", "expires"])
def test_a_date_of_many_digits_is_none(name: str, digits: int) -> None:
    assert "cannot be read" in refusal(signed(parameters=f"{name}=1{'0' * digits}"))
