"""Applications in a directory of Microsoft Entra ID, by Microsoft Graph.

The directory has many copies. What has been made is at first not seen by all of them, so that a step that builds on the
one before may be refused for a while: it is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import attrs
from apim_sdk import ClientRegistration, Clock, KeyManagerError, Logger, RegisteredClient, Secret

from apim_keymanagers.answers import BadAnswer
from apim_keymanagers.client_places import client_segment
from apim_keymanagers.management import Management

__all__ = ["Directory", "Polling"]

_MOST_SECRETS: Final = 2
_SHORTEST: Final = 0.01
"""The shortest time between two tries, in seconds."""
_NOT_YET: Final = ("Request_ResourceNotFound", "ResourceNotFound", "NoBackingApplicationObject")
_SHOWN: Final = "$select=id,appId,displayName,web,passwordCredentials"

Content = Mapping[str, Any]


@attrs.frozen
class Polling:
    """How the directory is waited for: ``initial_delay`` before the second try, then twice as long each time, until
    ``max_wait`` have passed; seconds."""

    initial_delay: float
    max_wait: float

    async def until(self, attempt: Callable[[], Awaitable[Any]], early: Callable[[KeyManagerError], bool]) -> Any:
        """What ``attempt`` answers once it is no longer refused for being ``early``. Raises what the last one did."""
        waited, delay = 0.0, self.initial_delay
        while True:
            try:
                return await attempt()
            except KeyManagerError as error:
                if not early(error) or waited >= self.max_wait:
                    raise
            pause = min(max(delay, _SHORTEST), self.max_wait - waited)
            await asyncio.sleep(pause)
            waited, delay = waited + pause, delay * 2


class Directory:
    """The applications of one tenant. Calls raise KeyManagerError and OSError as Management does."""

    def __init__(self, calls: Management, root: str, token_version: int, polling: Polling, clock: Clock, log: Logger):
        self._calls = calls
        self._root = root
        self._token_version = token_version
        self._polling = polling
        self._clock = clock
        self._log = log

    async def make(self, registration: ClientRegistration, secret_lifetime: float) -> RegisteredClient:
        """An application with an identifier URI, a service principal and a secret; or nothing, where a step fails."""
        content = {
            "displayName": registration.name,
            "signInAudience": "AzureADMyOrg",
            "api": {"requestedAccessTokenVersion": self._token_version},
        }
        made = _application(await self._calls.call("POST", f"{self._root}/applications", content))
        try:
            return await self._complete(made, registration, secret_lifetime)
        except (KeyManagerError, OSError):
            await self._take_back(made["id"])
            raise

    async def find(self, client: RegisteredClient) -> RegisteredClient:
        """The application as it is now. Raises LookupError if it is gone."""
        return _client_of(await self._application(client), client)

    async def change(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        """Give the application another name."""
        found = await self._application(client)
        await self._calls.call("PATCH", self._place(found["id"]), {"displayName": registration.name})
        return attrs.evolve(_client_of(found, client), registration=registration)

    async def renew_secret(self, client: RegisteredClient, secret_lifetime: float) -> RegisteredClient:
        """A new secret beside the current one; what was there before that is removed."""
        found = await self._application(client)
        for key_id in _superfluous(found.get("passwordCredentials"), client.management.get("key_id")):
            await self._calls.call("POST", f"{self._place(found['id'])}/removePassword", {"keyId": key_id})
        return await self._with_secret(found["id"], _client_of(found, client), secret_lifetime)

    async def remove(self, client: RegisteredClient) -> None:
        """Remove the application, and with it its service principal; one that is gone is removed."""
        try:
            found = await self._application(client)
            await self._calls.call("DELETE", self._place(found["id"]))
        except LookupError:
            return
        except KeyManagerError as error:
            if error.status != 404:
                raise

    async def _complete(self, made: Content, registration: ClientRegistration, lifetime: float) -> RegisteredClient:
        place, app_id = self._place(made["id"]), made["appId"]
        await self._when_there("PATCH", place, {"identifierUris": [f"api://{app_id}"]})
        await self._when_there("POST", f"{self._root}/servicePrincipals", {"appId": app_id})
        client = RegisteredClient(app_id, registration=registration, management={"object_id": made["id"]})
        return await self._with_secret(made["id"], client, lifetime)

    async def _with_secret(self, object_id: str, client: RegisteredClient, lifetime: float) -> RegisteredClient:
        ends = self._clock.now() + lifetime
        end = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = {"passwordCredential": {"displayName": "apim", "endDateTime": end}}
        place = f"{self._place(object_id)}/addPassword"
        added = await self._when_there("POST", place, wanted)
        secret = added.get("secretText") if isinstance(added, Mapping) else None
        if not isinstance(secret, str) or not secret:
            raise BadAnswer(f"POST {place} is answered without a secretText")
        management = {**client.management, "object_id": object_id, "key_id": str(added.get("keyId"))}
        return attrs.evolve(
            client,
            client_secret=Secret(secret),
            secret_expires=_seconds_of(added.get("endDateTime")) or ends,
            management=management,
        )

    async def _when_there(self, method: str, url: str, content: Content) -> Any:
        def early(error: KeyManagerError) -> bool:
            return error.status == 404 or error.error in _NOT_YET or "does not reference" in error.description

        return await self._polling.until(lambda: self._calls.call(method, url, content), early)

    async def _take_back(self, object_id: str) -> None:
        try:
            await self._calls.call("DELETE", self._place(object_id))
        except (KeyManagerError, OSError) as error:
            self._log.warning(
                "An application that could not be completed stays in the directory",
                object_id=object_id,
                error=str(error),
            )

    async def _application(self, client: RegisteredClient) -> Content:
        object_id = client.management.get("object_id")
        by_id = f"{self._root}/applications(appId='{client_segment(client.client_id)}')"
        place = self._place(object_id) if object_id else by_id
        try:
            return _application(await self._calls.call("GET", f"{place}?{_SHOWN}"))
        except KeyManagerError as error:
            if error.status == 404:
                raise LookupError(f"the directory has no application {client.client_id!r}") from error
            raise

    def _place(self, object_id: str) -> str:
        return f"{self._root}/applications/{quote(object_id, safe='')}"


def _application(content: Any) -> Content:
    if not isinstance(content, Mapping) or not all(isinstance(content.get(name), str) for name in ("id", "appId")):
        raise BadAnswer("Microsoft Graph answers what is no application: it has no id and appId")
    return content


def _client_of(content: Content, known: RegisteredClient) -> RegisteredClient:
    """The client of an application: its secret is as it is known, for the directory never shows it again."""
    credentials = content.get("passwordCredentials") or ()
    current = next((each for each in credentials if each.get("keyId") == known.management.get("key_id")), None)
    return attrs.evolve(
        known,
        client_id=content["appId"],
        registration=attrs.evolve(known.registration, name=str(content.get("displayName") or "")),
        secret_expires=known.secret_expires if current is None else _seconds_of(current.get("endDateTime")),
        management={**known.management, "object_id": content["id"]},
    )


def _superfluous(credentials: Any, current: str | None) -> list[str]:
    """Ids of the secrets that make place for a new one: all but the current one, or the one that was made last."""
    listed = sorted(credentials or (), key=lambda each: str(each.get("startDateTime")))
    if len(listed) < _MOST_SECRETS:
        return []
    ids = [str(each.get("keyId")) for each in listed]
    kept = current if current in ids else ids[-1]
    return [key_id for key_id in ids if key_id != kept]


def _seconds_of(date: Any) -> float | None:
    """A date of Microsoft Graph (RFC 3339) in seconds since the epoch."""
    try:
        return datetime.fromisoformat(date).timestamp() if isinstance(date, str) else None
    except ValueError:
        return None
