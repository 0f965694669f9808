"""The parts of the server, put together for one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from apim_sdk import Clock, Context

from apim_keymanagers.resident.clients import Clients
from apim_keymanagers.resident.families import Families
from apim_keymanagers.resident.passwords import Passwords
from apim_keymanagers.resident.records import Records
from apim_keymanagers.resident.revoked import Revoked
from apim_keymanagers.resident.scopes import Scopes
from apim_keymanagers.resident.sessions import Sessions
from apim_keymanagers.resident.signing import KeyRing
from apim_keymanagers.resident.throttle import Throttle
from apim_keymanagers.resident.tokens import Tokens
from apim_keymanagers.resident.trust import Trust
from apim_keymanagers.resident.users import Users
from apim_keymanagers.resident.vault import Vault, open_vault

if TYPE_CHECKING:
    from apim_keymanagers.resident.plugin import Resident

__all__ = ["Server", "open_server"]

_LEEWAY = 300.0


@attrs.frozen
class Server:
    """What the endpoints work with."""

    settings: Resident
    clock: Clock
    records: Records
    vault: Vault
    keys: KeyRing
    clients: Clients
    users: Users
    scopes: Scopes
    revoked: Revoked
    tokens: Tokens
    families: Families
    sessions: Sessions
    trust: Trust
    throttle: Throttle
    """Of guesses."""
    registrations: Throttle
    """Of clients that strangers register."""
    devices: Throttle
    """Of device codes, by client."""

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return self.settings.issuer

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now()

    def url(self, path: str) -> str:
        """Where an endpoint is."""
        return self.settings.issuer.rstrip("/") + path


async def open_server(settings: Resident, context: Context) -> Server:
    """A server of these settings. Raises LookupError for a store or key manager that is not there, OSError where the
    store is away, ValueError where its secrets are sealed otherwise."""
    clock, lifetimes = context.clock, settings.lifetimes
    records = Records(context.store(settings.store), settings.namespace)
    managers = {name: (context.key_manager(name), terms) for name, terms in settings.trusted.items()}
    vault = await open_vault(records, settings.secret)
    keys = await context.shared(("resident keys", settings), lambda: _open_keys(settings, records, vault, clock))
    keys.attach(records, vault)
    throttle = await context.shared(("resident throttle", settings.issuer), lambda: Throttle(clock))
    per_hour = settings.registration.open_per_hour
    registrations = await context.shared(
        ("resident registrations", settings.issuer, per_hour),
        lambda: Throttle(clock, per_hour, seconds=3600.0, everywhere=50, told="too many clients were registered"),
    )
    devices = await context.shared(
        ("resident devices", settings.issuer), lambda: Throttle(clock, 60, told="too many device codes were asked for")
    )
    access = context.store(settings.access_store or settings.store)
    revoked = Revoked(access, settings.issuer, context.revocations, clock, lifetimes.access_token)
    tokens = Tokens(
        settings.issuer,
        settings.audience,
        lifetimes,
        settings.token_format,
        settings.tokens == "persistent",
        keys,
        records,
        vault,
        revoked,
        clock,
    )
    clients = {client_id: client.client(client_id) for client_id, client in settings.clients.items()}
    users = {name: user.user(name) for name, user in settings.users.items()}
    return Server(
        settings,
        clock,
        records,
        vault,
        keys,
        Clients(records, clock, clients),
        Users(records, users, Passwords(), throttle, revoked, clock),
        Scopes(records, clock, settings.scopes),
        revoked,
        tokens,
        Families(records, revoked, clock, lifetimes.refresh_token),
        Sessions(records, vault, clock, lifetimes.session),
        Trust(managers, context.revocations, clock),
        throttle,
        registrations,
        devices,
    )


async def _open_keys(settings: Resident, records: Records, vault: Vault, clock: Clock) -> KeyRing:
    keys = KeyRing(
        records,
        vault,
        clock,
        algorithm=settings.algorithm,
        every=settings.rotate_every,
        ahead=settings.publish_ahead,
        keep=settings.lifetimes.access_token + _LEEWAY,
    )
    await keys.load()
    return keys
