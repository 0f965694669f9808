"""What a store holds of access, as JSON: one entry for each application, key, subscription and revocation.

    access/application/<id>      access/key/<id>      access/subscription/<id>      access/revocation/<id>

Whoever can write to the store is not thereby believed: an entry is structured by these classes like a configuration,
with nothing in it that they do not know; a key or revocation must have the id that follows from what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

import attrs
from apim_sdk.identity import KeyType, SubscriptionState

from apim_core.access.digests import IDENTIFIERS, digest_of_key, short
from apim_core.config import ConfigErrors, structure
from apim_core.config.server import Network
from apim_core.config.validating import attributes, aware, identifier, one_line, page_patterns

__all__ = [
    "PREFIX",
    "ApplicationEntry",
    "BadEntry",
    "KeyEntry",
    "Kind",
    "RevocationEntry",
    "SubscriptionEntry",
    "packed",
    "path",
    "plain",
    "unpacked",
]

PREFIX: Final = "access/"
_LARGEST: Final = 65_536
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

Kind = Literal["application", "key", "subscription", "revocation"]

_optional = attrs.validators.optional
T = TypeVar("T")


class BadEntry(ValueError):
    """A value of the store that is no entry. The text does not show what is in it."""


@attrs.frozen
class ApplicationEntry:
    """An application."""

    name: str = attrs.field(validator=one_line)
    """Its name."""
    owner: str | None = attrs.field(default=None, validator=_optional(one_line))
    """Who answers for it."""
    tenant: str | None = attrs.field(default=None, validator=_optional(one_line))
    """The tenant that it belongs to."""
    blocked: bool = False
    """Whether nobody may call on its behalf."""
    attributes: Mapping[str, str] = attrs.field(factory=dict, validator=attributes)
    """What else is to be known of it."""


@attrs.frozen
class KeyEntry:
    """A key of an application: the hash of a secret one, the value of one that is no secret."""

    application: str = attrs.field(validator=identifier)
    """Id of the application."""
    kind: str = attrs.field(validator=identifier)
    """The kind of credential."""
    hash: str | None = None
    """SHA-256 of kind and value."""
    value: str | None = attrs.field(default=None, validator=_optional(one_line))
    """What names the application."""
    key_manager: str | None = attrs.field(default=None, validator=_optional(one_line))
    """The key manager that knows a client id."""
    type: KeyType = "production"
    """For which world it is."""
    expires: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """Until when it is good."""
    addresses: tuple[Network, ...] = ()
    """Networks from which it may be used."""
    referers: tuple[str, ...] = attrs.field(default=(), validator=page_patterns)
    """Pages from which it may be used."""
    prefix: str | None = attrs.field(default=None, validator=_optional(one_line))
    """How a generated key begins, to know it again by."""
    created: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """When it was made."""

    def __attrs_post_init__(self) -> None:
        if self.kind in IDENTIFIERS:
            if self.value is None or self.hash is not None:
                raise ValueError(f"a {self.kind} has a value and no hash")
            if self.addresses or self.referers:
                raise ValueError(f"a {self.kind} cannot be bound to addresses or referers")
        elif self.hash is None or not _DIGEST.fullmatch(self.hash) or self.value is not None:
            raise ValueError(f"a key of the kind {self.kind!r} has a hash, 64 hexadecimal digits, and no value")

    @property
    def digest(self) -> str:
        """SHA-256 of the key, which its id is a part of."""
        return self.hash or digest_of_key(self.kind, self.value or "", self.key_manager)

    @property
    def id(self) -> str:
        """The id that follows from what the key is: one key cannot be there twice."""
        return short(self.digest)


@attrs.frozen
class SubscriptionEntry:
    """A subscription."""

    application: str = attrs.field(validator=identifier)
    """Id of the application."""
    api: str = attrs.field(validator=one_line)
    """Name of the API."""
    plan: str = attrs.field(validator=one_line)
    """Name of the plan."""
    version: str | None = attrs.field(default=None, validator=_optional(one_line))
    """Version of the API; without it, every version that has the plan."""
    state: SubscriptionState = "active"
    """Whether it lets calls in."""
    key_type: KeyType | None = None
    """The only type of key that may use it."""
    starts: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """From when it holds."""
    ends: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """Until when it holds."""
    next_plan: str | None = attrs.field(default=None, validator=_optional(one_line))
    """Name of the plan that takes the place of ``plan``."""
    changes: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """From when ``next_plan`` holds."""

    def __attrs_post_init__(self) -> None:
        if (self.next_plan is None) != (self.changes is None):
            raise ValueError("a next plan and the time from which it holds come together")

    def at(self, moment: datetime) -> SubscriptionEntry:
        """The same subscription, with the plan that it has then; a change that is to come stays to come."""
        if self.next_plan is None or self.changes is None or self.changes > moment:
            return self
        return attrs.evolve(self, plan=self.next_plan, next_plan=None, changes=None)


@attrs.frozen
class RevocationEntry:
    """Something that is revoked."""

    kind: Literal["token_id", "token", "client_id", "subject"]
    """What the value is."""
    value: str = attrs.field(validator=one_line)
    """A ``jti``, the SHA-256 of a token, a client id or a subject."""
    issuer: str | None = attrs.field(default=None, validator=_optional(one_line))
    """The ``iss`` of the tokens that it is about; without it, of any."""
    moment: datetime = attrs.field(kw_only=True, validator=aware)
    """When it was revoked: of a client or subject, what was issued until then."""
    expires: datetime = attrs.field(kw_only=True, validator=aware)
    """When it may be forgotten."""

    @property
    def id(self) -> str:
        """The id that follows from what is revoked."""
        return short(digest_of_key(self.kind, self.value, self.issuer))


def path(kind: Kind, id_: str) -> str:
    """The key of the store for an entry."""
    return f"{PREFIX}{kind}/{id_}"


def packed(entry: Any) -> bytes:
    """An entry as a value of the store; what is as by default is left out."""
    return json.dumps(plain(entry), separators=(",", ":"), ensure_ascii=False).encode()


def unpacked(value: bytes, cls: type[T]) -> T:
    """The entry of a value. Raises BadEntry."""
    if len(value) > _LARGEST:
        raise BadEntry(f"it has more than {_LARGEST} bytes")
    try:
        return structure(json.loads(value.decode()), cls)
    except ConfigErrors as errors:
        raise BadEntry(
            "; ".join(f"{problem.pointer or 'it'}: {problem.message}" for problem in errors.problems)
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadEntry(f"it is no JSON in UTF-8: {type(error).__name__}") from None


def plain(entry: Any, *, whole: bool = False) -> dict[str, Any]:
    """An entry as plain data; what is as by default is left out, unless the ``whole`` is wanted."""
    given = {}
    for field in attrs.fields(type(entry)):
        value = getattr(entry, field.name)
        default = {} if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]  # a class
        if whole or value != default:
            given[field.name] = _plain(value)
    return given


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [each if isinstance(each, str) else str(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value
