"""The guide's pages on key managers: every configuration is a sound one, and lets tokens of its server in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.auth0 import AUDIENCE, Auth0Server
from support.entra import TENANT, entra
from support.gateway import configuration, registry_with, run, serving
from support.keycloak import KeycloakServer
from support.okta import OktaServer
from support.provider import SECRET, provider
from support.stand_in import GATEWAY, StandIn, serving_stand_in
from support.wso2_is import wso2_is

from apim_core.assembly import Observer, assemble

PAGES = Path(__file__).resolve().parents[3] / "docs" / "guide" / "key-managers"
AROUND = "management: {enabled: false}\negress: {allow: [127.0.0.0/8, '::1/128']}\n"
ENDPOINT = '{http: {url: "http://127.0.0.1:9000"}}'


def blocks(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)


ALL = [
    pytest.param(text, id=f"{page} {number}")
    for page in ("index", "oidc", "keycloak", "okta", "auth0", "wso2-is", "azure-ad")
    for number, text in enumerate(blocks(page), 1)
]


@pytest.mark.parametrize("text", ALL)
def test_a_configuration_of_the_guide_is_sound(text: str, tmp_path: Path) -> None:
    loaded = configuration(AROUND + text, tmp_path)
    assembly = assemble(loaded, registry_with(), Observer(lambda *_: None, lambda _: None))

    assert loaded.key_managers.keys() == assembly.key_managers.keys()


def prepared(text: str, issuer: str, real: str, secret: str = GATEWAY["secret"]) -> str:
    """A configuration of the guide for a server that runs here, with an endpoint that answers by itself."""
    assert issuer in text
    assert ENDPOINT in text
    changed = text.replace(issuer, real).replace(ENDPOINT, "{mock: {body: hello}}").replace("0oa-gateway", "gateway")
    return AROUND + re.sub(r"\$\{env:GATEWAY_SECRET:-change me\}", secret, changed)


def status_of(text: str, folder: Path, token: str) -> Any:
    async def once() -> int:
        async with serving(text, folder) as gateway:
            return (await gateway.get("/orders/1.0/5", Authorization=f"Bearer {token}")).status

    return once()


@pytest.mark.parametrize(("number", "opaque"), [(0, False), (2, True)], ids=["signed", "opaque"])
def test_the_page_on_oidc_lets_tokens_of_a_real_server_in(number: int, opaque: bool, tmp_path: Path) -> None:
    with provider() as server:
        text = prepared(blocks("oidc")[number], "https://idp.example", server.issuer, SECRET)

        assert 200 == run(status_of(text, tmp_path, server.token(opaque=opaque)))
        assert 403 == run(status_of(text, tmp_path, server.token(scope="orders.write", opaque=opaque)))


def test_a_refresh_token_is_kept_out_as_the_page_on_oidc_says(tmp_path: Path) -> None:
    said, written = "{key_manager: main, required_claims: {token_type: Bearer}}", "{key_manager: main}"
    assert f"oauth2: {said}" in (PAGES / "oidc.md").read_text()
    with provider() as server:
        text = prepared(blocks("oidc")[2], "https://idp.example", server.issuer, SECRET).replace(written, said)

        assert 200 == run(status_of(text, tmp_path, server.token(opaque=True)))
        assert 403 == run(status_of(text, tmp_path, server.login("anna")["refresh_token"]))


@pytest.mark.parametrize(
    ("page", "issuer", "make", "claims"),
    [
        ("keycloak", "https://keycloak.example/realms/shop", KeycloakServer, {}),
        ("okta", "https://shop.okta.example/oauth2/default", OktaServer, {}),
        ("auth0", "https://shop.eu.auth0.example/", Auth0Server, {"aud": AUDIENCE}),
    ],
)
def test_the_page_on_a_product_lets_its_tokens_in(
    page: str, issuer: str, make: Callable[[], StandIn], claims: dict[str, Any], tmp_path: Path
) -> None:
    async def once() -> None:
        async with serving_stand_in(make()) as server:
            text = prepared(blocks(page)[0], issuer, server.issuer)
            assert 200 == await status_of(text, tmp_path, server.issue("shop", "orders.read", **claims))
            assert 403 == await status_of(text, tmp_path, server.issue("shop", "orders.write", **claims))
            assert 403 == await status_of(text, tmp_path, server.issue("stranger", "orders.read", **claims))

    run(once())


@pytest.mark.parametrize("kind", ["JWT", "Default"])
def test_the_page_on_wso2_is_lets_its_tokens_in(kind: str, tmp_path: Path) -> None:
    async def once() -> None:
        async with wso2_is() as server:
            for name in ("the-client-id-of-the-shop", "stranger"):
                server.clients[name] = {"client_id": name, "token_type_extension": kind}
            text = prepared(blocks("wso2-is")[0], "https://is.example:9443", server.url)
            text = text.replace("${env:IS_PASSWORD:-change me}", "the password of apim")
            if kind == "Default":  # opaque tokens, for which the page names `oauth2`
                text = text.replace("{jwt: {key_manager: is}}", "{oauth2: {key_manager: is}}")
            shop = "the-client-id-of-the-shop"
            assert 200 == await status_of(text, tmp_path, server.issue(shop, "orders.read"))
            assert 403 == await status_of(text, tmp_path, server.issue(shop, "orders.write"))
            assert 403 == await status_of(text, tmp_path, server.issue("stranger", "orders.read"))

    run(once())


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_page_on_azure_ad_lets_its_tokens_in(version: str, tmp_path: Path) -> None:
    shop, audience = "6ab2f6a0-7b11-4c56-ae5c-43b0a2b2f6a0", "api://6ab2f6a0-7b11-4c56-ae5c-43b0a2b2f6a0"

    async def once() -> None:
        async with entra() as server:
            text = prepared(blocks("azure-ad")[0], "72f988bf-86f1-41af-91ab-2d7cd011db47", TENANT)
            text = text.replace("azure-ad:\n", f"azure-ad:\n      login: {server.url}\n      sts: {server.url}/sts\n")
            text = text.replace("${env:ENTRA_SECRET:-change me}", "the secret of the gateway")
            good = {"version": version, "aud": audience, "scp": "orders.read"}
            assert 200 == await status_of(text, tmp_path, server.issue(shop, **good))
            assert 403 == await status_of(text, tmp_path, server.issue(shop, **{**good, "scp": "orders.write"}))
            assert 403 == await status_of(text, tmp_path, server.issue(shop, **{**good, "aud": "api://another"}))
            assert 403 == await status_of(text, tmp_path, server.issue("stranger", **good))

    run(once())
