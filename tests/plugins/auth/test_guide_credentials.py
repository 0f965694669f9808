"""What the guide says of credentials happens: its configurations serve, and refuse, as their pages tell."""

from __future__ import annotations

import datetime
import re
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
from support.client_certificates import issue, revocation_list
from support.gateway import Answer, Served, run, serving

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "protect"
KEY = "a key of the shop that nobody can guess"
SECRET = "a secret of more than sixteen bytes"


def example(page: str, number: int = 0) -> str:
    """A configuration of a page, with an endpoint that answers by itself and secrets filled in."""
    text = re.findall(r"^```yaml\n(.*?)^```", (GUIDE / page).read_text(), re.DOTALL | re.MULTILINE)[number]
    text = re.sub(r'\{http: \{url: "[^"]*"\}\}', '{mock: {body: "{{ principal.subject }}"}}', text)
    text = text.replace("${env:SHOP_KEY}", KEY).replace("${env:SHOP_SECRET}", SECRET)
    text = text.replace("${env:SHOP_NEXT_KEY}", f"{KEY}, the next")
    return f"management: {{enabled: false}}\n{text}"


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def test_keys_are_bound_as_the_page_says(tmp_path: Path) -> None:
    text = example("api-key.md").replace("198.51.100.0/24", "192.0.2.0/24")

    async def scenario() -> None:
        async with serving(text, tmp_path) as served:
            path = "/orders/1.0/42"
            assert 200 == (await served.get(path, x_api_key=f"{KEY}, the next")).status
            assert (403, "900908") == code(await served.get(path, x_api_key=KEY))
            assert (401, "900901") == code(await served.get(path, x_api_key="another"))
            assert (401, "900902") == code(await served.get(path))

    run(scenario)


def test_a_key_is_good_from_its_addresses(tmp_path: Path) -> None:
    text = example("api-key.md").replace("198.51.100.0/24", "127.0.0.0/8")

    async def scenario() -> int:
        async with serving(text, tmp_path) as served:
            return (await served.get("/orders/1.0/42", x_api_key=KEY)).status

    assert 200 == run(scenario)


def test_users_of_a_file_come_in_with_the_scopes_of_their_roles(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "users.htpasswd").write_text(f"anna:{hashed}\notto:{hashed}\n")
    (tmp_path / "groups").write_text("clerk: anna\n")

    async def scenario() -> None:
        async with serving(example("basic.md"), tmp_path) as served:
            path = "/orders/1.0/42"
            answer = await served.call("GET", path, headers=basic("anna", "secret"))
            assert (200, b"anna") == (answer.status, answer.body)
            assert (403, "900910") == code(await served.call("GET", path, headers=basic("otto", "secret")))
            assert (401, "900901") == code(await served.call("GET", path, headers=basic("anna", "wrong")))
            assert (401, "900901") == code(await served.call("GET", path, headers=basic("eve", "secret")))
            refused = await served.get(path)
            assert (401, "900902") == code(refused)
            assert 'Basic realm="apim", charset="UTF-8"' == refused.headers["WWW-Authenticate"]

    run(scenario)


@pytest.mark.parametrize(
    ("certificate", "expected"), [("bank", (200, None)), ("revoked", (401, "900901")), ("other", (401, "900901"))]
)
def test_certificates_are_judged_as_the_page_says(
    certificate: str, expected: tuple[int, str | None], tmp_path: Path
) -> None:
    today = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authority = issue("Banks", authority=True, start=today)

    def named(organization: str) -> x509.Name:
        return x509.Name.from_rfc4514_string(f"CN=a,O={organization},C=DE")

    shown = {
        "bank": issue(named("First Bank"), authority, start=today),
        "revoked": issue(named("First Bank"), authority, start=today),
        "other": issue(named("Second Bank"), authority, start=today),
    }
    authority.written(tmp_path, "clients.pem")
    (tmp_path / "banks.crl").write_bytes(revocation_list(authority, shown["revoked"], start=today))
    server = issue("localhost", start=today, usages=None)
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    server.written(tmp_path, "server.pem")
    (tmp_path / "server.key").write_bytes(server.key.private_bytes(kind, form, serialization.NoEncryption()))
    text = example("mtls.md").replace(
        "            ca: [clients.pem]", "            crl: [banks.crl]\n            ca: [clients.pem]"
    )

    async def scenario() -> tuple[int, str | None]:
        async with serving(text, tmp_path) as served:
            context = shown[certificate].connecting(tmp_path)
            url = f"https://127.0.0.1:{served.port}/payments/transfers"
            async with served.session.post(url, ssl=context) as response:
                content = await response.read()
                answer = Answer(response.status, response.headers.copy(), content)
        return (200, None) if answer.status == 200 else code(answer)

    assert expected == run(scenario)


class Keys(HTTPSignatureKeyResolver):
    """The private keys of the clients, for the library that signs."""

    def __init__(self, **keys: Any) -> None:
        self.keys = keys

    def resolve_private_key(self, key_id: str) -> Any:
        return self.keys[key_id.replace("-", "_")]

    def resolve_public_key(self, key_id: str) -> Any:
        raise NotImplementedError


def sign(served: Served, keys: Keys, key_id: str, algorithm: Any, body: bytes, nonce: str) -> dict[str, str]:
    """The header fields of a request that another library has signed."""
    url = f"http://127.0.0.1:{served.port}/transfers"
    message = SimpleNamespace(method="POST", url=url, headers={"Host": f"127.0.0.1:{served.port}"})
    signer = HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=keys)
    covered = ("@method", "@target-uri")
    signer.sign(message, key_id=key_id, covered_component_ids=covered, body=body, nonce=nonce)
    return dict(message.headers)


@pytest.mark.parametrize("key_id", ["bank-2026", "shop-1"])
def test_what_another_library_signs_is_good_once_and_for_its_body_only(key_id: str, tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "bank.pem").write_bytes(private.public_key().public_bytes(serialization.Encoding.PEM, form))
    keys = Keys(bank_2026=private, shop_1=SECRET.encode())
    algorithm = algorithms.ECDSA_P256_SHA256 if key_id == "bank-2026" else algorithms.HMAC_SHA256
    text = example("http-signature.md").replace('{redis: {url: "redis://127.0.0.1:6379/0"}}', "{memory: {}}")

    async def scenario() -> None:
        async with serving(text, tmp_path) as served:
            for number, body in enumerate((b'{"amount": 1}', b"")):
                fields = sign(served, keys, key_id, algorithm, body, f"nonce-{number}")
                changed = await served.call("POST", "/transfers", headers=fields, data=body + b" ")
                assert (401, "900901") == code(changed)
                answer = await served.call("POST", "/transfers", headers=fields, data=body)
                assert 200 == answer.status
                again = await served.call("POST", "/transfers", headers=fields, data=body)
                assert (401, "900901") == code(again)

    run(scenario)


def test_whoever_shows_nothing_is_limited_by_address(tmp_path: Path) -> None:
    text = example("keyless.md").replace("500", "2")

    def once(address: str) -> dict[str, str]:
        return {"X-Forwarded-For": address}

    async def scenario() -> list[int]:
        async with serving(f"{text}\ntrusted_proxies: [127.0.0.0/8]", tmp_path) as served:
            callers = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8::3"]
            return [(await served.call("GET", "/catalogue/1", headers=once(each))).status for each in callers]

    assert [200, 200, 429, 200, 200, 200, 429] == run(scenario)


def test_an_address_that_a_client_writes_itself_does_not_count(tmp_path: Path) -> None:
    text = example("keyless.md").replace("500", "2")

    async def scenario() -> list[int]:
        async with serving(text, tmp_path) as served:
            headers = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(3)]
            return [(await served.call("GET", "/catalogue/1", headers=each)).status for each in headers]

    assert [200, 200, 429] == run(scenario)
