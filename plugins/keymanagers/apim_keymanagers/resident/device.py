"""A client on a device that has no browser asks; its user confirms on another (RFC 8628)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.credentials import digest, new_identifier, new_secret, new_user_code
from apim_keymanagers.resident.errors import OAuthError, invalid_grant
from apim_keymanagers.resident.granting import Granted, about
from apim_keymanagers.resident.tokens import Authorization

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["DEVICE_GRANT", "decide", "device_authorization", "device_code", "normalized", "waiting"]

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL: Final = 5
"""Seconds between two questions of a client."""


async def device_authorization(server: Server, asked: Asked, client: Client) -> dict[str, Any]:
    """The answer of the device authorization endpoint (section 3.2). Raises OAuthError."""
    if DEVICE_GRANT not in server.settings.grants or DEVICE_GRANT not in client.grant_types:
        raise OAuthError("unauthorized_client", "the client may not use this grant")
    server.devices.check(client.id, asked.address)
    server.devices.count(client.id, asked.address)
    await server.scopes.granted(client, asked.get("scope"), None)
    device, lifetime = new_secret(), server.settings.lifetimes.device_code
    record = {"client": client.id, "scope": asked.get("scope") or "", "until": server.now() + lifetime}
    for _ in range(5):
        user_code = new_user_code()
        if await server.records.add("user-code", normalized(user_code), {"device": digest(device)}, lifetime):
            break
    else:
        raise OAuthError("temporarily_unavailable", "there are too many device codes now", status=503)
    await server.records.put("device", digest(device), record, lifetime)
    return {
        "device_code": device,
        "user_code": user_code,
        "verification_uri": server.url("/device"),
        "verification_uri_complete": f"{server.url('/device')}?user_code={user_code}",
        "expires_in": int(lifetime),
        "interval": _INTERVAL,
    }


async def device_code(server: Server, asked: Asked, client: Client, thumbprint: str | None) -> Granted:
    """The grant (section 3.4): an answer once the user has decided."""
    name = digest(asked.need("device_code"))
    record = await server.records.get("device", name)
    if record is None:
        raise OAuthError("expired_token", "the device code is not good, or has expired")
    if record["client"] != client.id:
        raise invalid_grant("the device code is for another client")
    if record.get("denied"):
        await server.records.delete("device", name)
        raise OAuthError("access_denied", "the user has refused")
    if "subject" not in record:
        await _pace(server, name, record)
        raise OAuthError("authorization_pending", "the user has not decided yet")
    if await server.records.take("device", name) is None:
        raise invalid_grant("the device code is not good")
    user = await server.users.find(record["subject"])
    if user is None or record["auth_time"] < user.changed:
        raise invalid_grant("the user is gone, or has another password")
    scopes = await server.scopes.granted(client, record["scope"], user)
    authorization = Authorization(client, user.name, scopes, True, about(user, scopes), auth_time=record["auth_time"])
    return Granted(authorization, begins=new_identifier())


async def _pace(server: Server, name: str, record: Mapping[str, Any]) -> None:
    """Raises OAuthError (``slow_down``) for a client that asks too often (section 3.5)."""
    now, interval = server.now(), record.get("interval", _INTERVAL)
    too_soon = now < record.get("asked", 0.0) + interval
    paced = {**record, "asked": now, "interval": interval + 5 if too_soon else interval}
    await server.records.change("device", name, record, paced, max(1.0, record["until"] - now))
    if too_soon:
        raise OAuthError("slow_down", f"ask every {paced['interval']} seconds")


def normalized(user_code: str) -> str:
    """A user code as it is kept, however it was typed (section 6.1)."""
    return "".join(letter for letter in user_code.upper() if letter.isalpha())[:16]


async def waiting(server: Server, user_code: str) -> tuple[Client, tuple[str, ...]] | None:
    """The client that waits for a user code, and the scopes that it asks for; None if nobody does."""
    code = normalized(user_code)
    link = await server.records.get("user-code", code) if code else None
    record = None if link is None else await server.records.get("device", link["device"])
    client = None if record is None else await server.clients.find(record["client"])
    if record is None or client is None:
        return None
    return client, tuple(record["scope"].split()) or client.scopes


async def decide(server: Server, user_code: str, subject: str, auth_time: float, *, allow: bool) -> bool:
    """Keep what the user decided; False where nobody waits for that any more."""
    link = await server.records.take("user-code", normalized(user_code))
    decision: dict[str, Any] = {"subject": subject, "auth_time": auth_time} if allow else {"denied": True}
    for _ in range(5 if link is not None else 0):  # the client asks meanwhile, which changes the entry
        record = await server.records.get("device", link["device"]) if link is not None else None
        if link is None or record is None:
            return False
        left = max(1.0, record["until"] - server.now())
        if await server.records.change("device", link["device"], record, {**record, **decision}, left):
            return True
    return False
