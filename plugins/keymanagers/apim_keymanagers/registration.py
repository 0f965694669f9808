"""Clients at an authorization server: registered (RFC 7591), read, changed and removed (RFC 7592)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from apim_sdk import ClientField, ClientRegistration, KeyManagerError, RegisteredClient, Secret, Unsupported

from apim_keymanagers.answers import BadAnswer, json_object, member
from apim_keymanagers.endpoints import Endpoints

__all__ = [
    "RegistrationSettings",
    "SecretKept",
    "change_client",
    "check_properties",
    "metadata_of",
    "read_client",
    "register_client",
    "registered",
    "remove_client",
    "renew_client_secret",
]

_MANAGEMENT: Final = ("registration_client_uri", "registration_access_token")
_NOT_OURS: Final = (*_MANAGEMENT, "client_secret", "client_secret_expires_at", "client_id_issued_at")
"""Members of an answer that must not be sent back (RFC 7592, section 2.2)."""


@attrs.frozen
class RegistrationSettings:
    """What the server wants to see of who registers a client."""

    initial_access_token: Secret | None = None
    """Token that the server gave out for registrations (RFC 7591, section 1.2)."""
    software_statement: Secret | None = None
    """Signed statement about the software that is registered (RFC 7591, section 2.3)."""


class SecretKept(Unsupported):
    """The server gives no new secret to a client that it has registered."""

    def __init__(self, issuer: str, client: RegisteredClient) -> None:
        super().__init__(f"{issuer} gives no new secret to a client that it has registered; register another")
        self.client = client
        """The client as it is now: what manages it may have changed."""


def check_properties(registration: ClientRegistration, fields: Sequence[ClientField]) -> None:
    """Raises KeyManagerError unless the properties are settings that the connector knows, each of its type."""
    known = {field.name: field for field in fields}
    for name, value in registration.properties.items():
        if name not in known:
            there_are = ", ".join(known) or "none"
            raise _invalid(f"there is no setting {name!r} of a client here; there are: {there_are}")
        if not _fits(known[name], value):
            raise _invalid(f"{name}: {value!r:.100} is no {known[name].type} that it takes")
    for field in fields:
        if field.required and registration.properties.get(field.name) in (None, ""):
            raise _invalid(f"the setting {field.name!r} of a client is missing")


def metadata_of(registration: ClientRegistration) -> dict[str, Any]:
    """A client's metadata (RFC 7591, section 2)."""
    content: dict[str, Any] = {
        "client_name": registration.name,
        "grant_types": list(registration.grant_types),
        "redirect_uris": list(registration.redirect_uris),
        "response_types": ["code"] if "authorization_code" in registration.grant_types else [],
        "token_endpoint_auth_method": registration.token_endpoint_auth_method,
    }
    if registration.scopes:
        content["scope"] = " ".join(registration.scopes)
    return {**content, **registration.properties}


async def register_client(
    endpoints: Endpoints,
    registration: ClientRegistration,
    fields: Sequence[ClientField],
    authorization: str | None,
    software_statement: Secret | None = None,
) -> RegisteredClient:
    """Register a client. Raises KeyManagerError where the server refuses, OSError where it is away."""
    check_properties(registration, fields)
    content = metadata_of(registration)
    if software_statement is not None:
        content["software_statement"] = software_statement.reveal()
    place = await endpoints.url("registration_endpoint")
    answer = json_object(await endpoints.json("POST", place, content, authorization), place)
    return registered(answer, registration, fields, endpoints.issuer)


async def read_client(
    endpoints: Endpoints, client: RegisteredClient, fields: Sequence[ClientField], authorization: str | None = None
) -> RegisteredClient:
    """The client as the server has it. Raises LookupError if it is gone."""
    content = await _read(endpoints, client, authorization)
    return registered(content, client.registration, fields, endpoints.issuer, client)


async def change_client(
    endpoints: Endpoints,
    client: RegisteredClient,
    registration: ClientRegistration,
    fields: Sequence[ClientField],
    authorization: str | None = None,
    *,
    new_secret: bool = False,
) -> RegisteredClient:
    """Change a client; what the server has of it and the registration does not name stays.

    With ``new_secret`` its secret is left out, so that the server may give it a new one.
    """
    check_properties(registration, fields)
    known = await _read(endpoints, client, authorization)
    now = registered(known, client.registration, fields, endpoints.issuer, client)
    content = {name: value for name, value in known.items() if name not in _NOT_OURS and value is not None}
    content |= metadata_of(registration) | {"client_id": client.client_id}
    if now.client_secret is not None and not new_secret:
        content["client_secret"] = now.client_secret.reveal()
    place = _managed_at(now)
    answer = await endpoints.json("PUT", place, content, _bearer(now, authorization))
    return registered(json_object(answer, place), registration, fields, endpoints.issuer, now)


async def renew_client_secret(
    endpoints: Endpoints, client: RegisteredClient, fields: Sequence[ClientField], authorization: str | None = None
) -> RegisteredClient:
    """Give a client a new secret, where the server does that when a change leaves the secret out.

    RFC 7592, section 2.2. Raises SecretKept where it does not.
    """
    renewed = await change_client(endpoints, client, client.registration, fields, authorization, new_secret=True)
    if renewed.client_secret is None or renewed.client_secret == client.client_secret:
        raise SecretKept(endpoints.issuer, renewed)
    return renewed


async def remove_client(endpoints: Endpoints, client: RegisteredClient, authorization: str | None = None) -> None:
    """Remove a client; one that is gone is removed."""
    place = _managed_at(client)
    answer = await endpoints.json("DELETE", place, authorization=_bearer(client, authorization))
    if answer.status not in (200, 204, 404):
        json_object(answer, place)
        raise BadAnswer(f"{place} answers {answer.status}")


def registered(
    content: Mapping[str, Any],
    sent: ClientRegistration,
    fields: Sequence[ClientField],
    place: str,
    before: RegisteredClient | None = None,
) -> RegisteredClient:
    """The client that an answer describes (RFC 7591, section 3.2.1); what it leaves out is as it was sent, or before.

    Raises BadAnswer if it describes none, or another one than ``before``.
    """
    client_id = member(content, "client_id", str, place)
    if not client_id or (before is not None and client_id != before.client_id):
        raise BadAnswer(f"{place} answers with no client, or with another one")
    secret = member(content, "client_secret", str, place)
    expires = member(content, "client_secret_expires_at", int, place)
    management = {name: value for name in _MANAGEMENT if (value := member(content, name, str, place))}
    known = before or RegisteredClient(client_id)
    return RegisteredClient(
        client_id,
        Secret(secret) if secret else known.client_secret,
        _registration(content, sent, fields, place),
        float(expires) if expires else None,
        {**known.management, **management},
    )


def _registration(
    content: Mapping[str, Any], sent: ClientRegistration, fields: Sequence[ClientField], place: str
) -> ClientRegistration:
    scope = member(content, "scope", str, place)
    names = {field.name for field in fields}
    properties = {name: content[name] for name in names & content.keys() if content[name] is not None}
    return ClientRegistration(
        member(content, "client_name", str, place) or sent.name,
        _texts(content, "grant_types", sent.grant_types, place),
        _texts(content, "redirect_uris", sent.redirect_uris, place),
        sent.scopes if scope is None else tuple(scope.split()),
        member(content, "token_endpoint_auth_method", str, place) or sent.token_endpoint_auth_method,
        sent.owner,
        {**sent.properties, **properties},
    )


async def _read(endpoints: Endpoints, client: RegisteredClient, authorization: str | None) -> dict[str, Any]:
    place = _managed_at(client)
    answer = await endpoints.json("GET", place, authorization=_bearer(client, authorization))
    if answer.status in (401, 404):  # RFC 7592, section 2.1: the two are not told apart
        raise LookupError(f"{endpoints.issuer} does not know the client {client.client_id}, or no longer that we may")
    return json_object(answer, place)


def _managed_at(client: RegisteredClient) -> str:
    place = client.management.get("registration_client_uri")
    if place is None:
        raise Unsupported(f"the client {client.client_id} is not managed here: it was registered elsewhere")
    return place


def _bearer(client: RegisteredClient, authorization: str | None) -> str | None:
    token = client.management.get("registration_access_token")
    return authorization if token is None else f"Bearer {token}"


def _texts(content: Mapping[str, Any], name: str, default: tuple[str, ...], place: str) -> tuple[str, ...]:
    value = member(content, name, list, place)
    if value is None:
        return default
    if not all(isinstance(each, str) for each in value):
        raise BadAnswer(f"{place} answers {name} that are no texts")
    return tuple(value)


def _fits(field: ClientField, value: Any) -> bool:
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if field.type in ("choices", "list"):
        listed = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        return listed and (field.type == "list" or set(value) <= set(field.values))
    return isinstance(value, str) and (field.type != "choice" or value in field.values)


def _invalid(description: str) -> KeyManagerError:
    return KeyManagerError("invalid_client_metadata", description)
