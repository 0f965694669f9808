"""The clients of the server: from the settings, and registered ones from the store."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs
from apim_sdk import Clock

from apim_keymanagers.resident.credentials import digest
from apim_keymanagers.resident.records import Record, Records

__all__ = ["AUTH_METHODS", "Client", "ClientSecret", "Clients"]

AUTH_METHODS: Final = (
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
)
"""Ways for a client to say who it is (RFC 7591, section 2; RFC 8705, section 2)."""

TokenFormat = Literal["jwt", "opaque"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_KIND: Final = "client"
_FRESH: Final = 1.0
"""For how many seconds a client is taken as it was read: that long a change may take to hold in every process."""
_MOST_KEPT: Final = 10_000


@attrs.frozen
class ClientSecret:
    """A secret of a client, as it is kept."""

    digest: str = attrs.field(repr=False)
    expires: float | None = None


@attrs.frozen
class Client:
    """A client (RFC 7591, section 2)."""

    id: str
    name: str = ""
    secrets: tuple[ClientSecret, ...] = ()
    auth_method: str = "client_secret_basic"
    grant_types: tuple[str, ...] = ("client_credentials",)
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    """What it may ask for; whatever is known if there are none."""
    audience: tuple[str, ...] = ()
    keys: tuple[Mapping[str, Any], ...] = ()
    """Public keys that it signs its assertions with."""
    certificate: str | None = None
    """Its certificate: the subject (RFC 4514), or ``x5t#S256`` where it signs its own."""
    owner: str | None = None
    created: float = 0.0
    tokens_from: float = 0.0
    """Tokens that were issued until then are revoked, in seconds since the epoch."""
    require_pkce: bool = True
    trusted: bool = False
    """Whether users are not asked for consent, as for the operator's own."""
    introspects: bool = False
    """Whether it may ask about tokens of other clients, as a resource server."""
    dpop: bool = False
    """Whether its tokens are bound to a key (RFC 9449)."""
    certificate_bound: bool = False
    """Whether its tokens are bound to its certificate (RFC 8705, section 3)."""
    token_format: TokenFormat | None = None
    key_type: str | None = None
    lifetimes: Mapping[str, float] = _NOTHING
    """Seconds: ``access_token``, ``refresh_token``; else the server's."""
    registration_token: str | None = attrs.field(default=None, repr=False)
    """Digest of the token by which it may be changed (RFC 7592)."""
    properties: Mapping[str, Any] = _NOTHING

    @property
    def public(self) -> bool:
        """Whether it cannot keep a secret (RFC 6749, section 2.1)."""
        return self.auth_method == "none"

    def knows(self, secret: str, now: float) -> bool:
        """Whether this is one of its secrets, not expired; as slow for one that is not."""
        good = False
        presented = digest(secret)
        for each in self.secrets:
            same = hmac.compare_digest(presented, each.digest)
            good |= same and (each.expires is None or each.expires > now)
        return good

    @property
    def secret_expires(self) -> float | None:
        """When its newest secret expires."""
        return self.secrets[-1].expires if self.secrets else None

    def record(self) -> Record:
        """As it is kept."""
        return attrs.asdict(self, value_serializer=_plain)

    @classmethod
    def of(cls, record: Record) -> Client:
        """A client as it was kept; members of later versions are left out."""
        known = {field.name for field in attrs.fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items() if name in known
        }
        values["secrets"] = tuple(ClientSecret(**secret) for secret in record.get("secrets", ()))
        return cls(**values)


def _plain(instance: Any, field: attrs.Attribute[Any], value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


class Clients:
    """Clients by id. Reads of the store are kept for a second, of at most 10,000 clients."""

    def __init__(self, records: Records, clock: Clock, configured: Mapping[str, Client]) -> None:
        self._records = records
        self._monotonic = clock.monotonic
        self._configured = configured
        self._read: OrderedDict[str, tuple[float, Client | None]] = OrderedDict()

    def configured(self, client_id: str) -> bool:
        """Whether the client is one of the settings, which cannot be changed here."""
        return client_id in self._configured

    async def find(self, client_id: str) -> Client | None:
        """The client of that id."""
        configured = self._configured.get(client_id)
        if configured is not None:
            return configured
        now = self._monotonic()
        kept = self._read.get(client_id)
        if kept is not None and kept[0] > now:
            return kept[1]
        if not client_id or len(client_id) > 255:
            return None
        record = await self._records.get(_KIND, client_id)
        client = None if record is None else Client.of(record)
        self._read[client_id] = (now + _FRESH, client)
        self._read.move_to_end(client_id)
        if len(self._read) > _MOST_KEPT:
            self._read.popitem(last=False)
        return client

    async def add(self, client: Client) -> bool:
        """Keep a new client; False where its id is taken."""
        if client.id in self._configured:
            return False
        added = await self._records.add(_KIND, client.id, client.record())
        self._read.pop(client.id, None)
        return added

    async def change(self, old: Client, new: Client) -> bool:
        """Put ``new`` in the place of ``old``; False where somebody else has changed it."""
        changed = await self._records.change(_KIND, old.id, old.record(), new.record())
        self._read.pop(old.id, None)
        return changed

    async def remove(self, client_id: str) -> None:
        """Forget a client."""
        await self._records.delete(_KIND, client_id)
        self._read.pop(client_id, None)
