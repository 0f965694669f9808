"""Clients as WSO2 Identity Server 7 registers them: DCR 1.1, which is RFC 7591 with extensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
from apim_sdk import ClientField, ClientRegistration, KeyManagerError, RegisteredClient, Secret

from apim_keymanagers.answers import BadAnswer, member

__all__ = ["CLIENT_FIELDS", "client_of", "document_of", "with_secret"]

CLIENT_FIELDS: Final = (
    ClientField(
        "ext_application_token_lifetime",
        "Lifetime of the application's tokens",
        "Seconds until a token expires that the application got for itself.",
        type="number",
        default=3600,
    ),
    ClientField(
        "ext_user_token_lifetime",
        "Lifetime of users' tokens",
        "Seconds until a token expires that the application got on behalf of a user.",
        type="number",
        default=3600,
    ),
    ClientField(
        "ext_refresh_token_lifetime",
        "Lifetime of refresh tokens",
        "Seconds until a refresh token expires.",
        type="number",
        default=86400,
    ),
    ClientField(
        "ext_id_token_lifetime",
        "Lifetime of ID tokens",
        "Seconds until an ID token expires.",
        type="number",
        default=3600,
    ),
    ClientField(
        "ext_pkce_mandatory",
        "PKCE is mandatory",
        "Whether the authorization code grant works only with PKCE (RFC 7636).",
        type="boolean",
        default=False,
    ),
    ClientField(
        "ext_pkce_support_plain",
        "PKCE may be plain",
        "Whether the PKCE method `plain` is taken beside `S256`.",
        type="boolean",
        default=False,
    ),
    ClientField(
        "ext_public_client",
        "Public client",
        "Whether the application may get tokens without its secret.",
        type="boolean",
        default=False,
    ),
    ClientField(
        "token_type_extension",
        "Type of tokens",
        "`JWT` for tokens that the gateway verifies by itself, `Default` for opaque ones, which it introspects.",
        type="choice",
        default="JWT",
        values=("JWT", "Default"),
    ),
)

_PORTAL_NAMES: Final[Mapping[str, str]] = {
    "application_access_token_expiry_time": "ext_application_token_lifetime",
    "user_access_token_expiry_time": "ext_user_token_lifetime",
    "refresh_token_expiry_time": "ext_refresh_token_lifetime",
    "id_token_expiry_time": "ext_id_token_lifetime",
    "pkceMandatory": "ext_pkce_mandatory",
    "pkceSupportPlain": "ext_pkce_support_plain",
    "bypassClientCredentials": "ext_public_client",
}
"""The names of the same settings in WSO2's developer portal, whatever the key manager."""

_NOT_SET: Final = (None, "", "N/A")
"""How a form says that a setting stays as the server has it."""
_SEVERAL: Final = "regexp=("
"""How the server writes several redirect URIs: ``regexp=(one|other)``."""


def document_of(registration: ClientRegistration, token_type: str) -> dict[str, Any]:
    """The registration as DCR 1.1 has it. Raises KeyManagerError if a property is not what its field takes."""
    document: dict[str, Any] = {
        "client_name": registration.name,
        "grant_types": list(registration.grant_types),
        "redirect_uris": list(registration.redirect_uris),
        "token_type_extension": token_type,
        "ext_application_display_name": registration.name,
        "ext_allowed_audience": "organization",
    }
    if registration.token_endpoint_auth_method == "none":  # noqa: S105  # a method's name
        document["ext_public_client"] = True
    else:
        document["token_endpoint_auth_method"] = registration.token_endpoint_auth_method
    fields = {field.name: field for field in CLIENT_FIELDS}
    for name, value in registration.properties.items():
        field = fields.get(_PORTAL_NAMES.get(name, name))
        if field is None:
            raise KeyManagerError("invalid_client_metadata", f"WSO2 Identity Server has no setting {name!r} of clients")
        if value not in _NOT_SET:
            document[field.name] = _value(field, name, value)
    return document


def client_of(document: Any, place: str) -> RegisteredClient:
    """The client that the server tells of. Raises BadAnswer where that is none."""
    if not isinstance(document, Mapping):
        raise BadAnswer(f"{place} answers no client")
    client_id = member(document, "client_id", str, place)
    if not client_id:
        raise BadAnswer(f"{place} answers a client without a client_id")
    secret = member(document, "client_secret", str, place)
    expires = member(document, "client_secret_expires_at", int, place)
    properties = {field.name: document[field.name] for field in CLIENT_FIELDS if document.get(field.name) is not None}
    method = member(document, "token_endpoint_auth_method", str, place)
    if method is None:
        method = "none" if properties.get("ext_public_client") is True else "client_secret_basic"
    registration = ClientRegistration(
        member(document, "client_name", str, place) or "",
        grant_types=tuple(member(document, "grant_types", list, place) or ()),
        redirect_uris=_redirect_uris(member(document, "redirect_uris", list, place) or []),
        token_endpoint_auth_method=method,
        properties=properties,
    )
    return RegisteredClient(
        client_id, Secret(secret) if secret else None, registration, secret_expires=float(expires) if expires else None
    )


def _value(field: ClientField, name: str, value: Any) -> Any:
    """A property as the server takes it; forms send numbers and truth as text, too."""
    if field.type == "number" and not isinstance(value, bool):
        text = str(value).strip()
        if text.isdecimal():
            return int(text)
    elif field.type == "boolean" and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    elif field.type == "choice" and value in field.values:
        return value
    wanted = {"number": "a number of seconds", "boolean": "true or false"}.get(field.type, " or ".join(field.values))
    raise KeyManagerError("invalid_client_metadata", f"{name} is {wanted}")


def _redirect_uris(listed: list[Any]) -> tuple[str, ...]:
    uris = tuple(str(uri) for uri in listed)
    if len(uris) == 1 and uris[0].startswith(_SEVERAL) and uris[0].endswith(")"):
        return tuple(uris[0][len(_SEVERAL) : -1].split("|"))
    return tuple(uri for uri in uris if uri)


def with_secret(client: RegisteredClient, secret: Secret | None) -> RegisteredClient:
    """The client with the secret that is known here, where the server does not show it."""
    return client if client.client_secret is not None else attrs.evolve(client, client_secret=secret)
