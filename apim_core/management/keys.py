"""The routes of an application's keys. A secret is shown once, when it is made; only its hash is kept."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Literal

import attrs
from aiohttp import web
from apim_sdk.identity import KeyType

from apim_core.access.digests import digest_of_key
from apim_core.access.entries import KeyEntry, plain
from apim_core.access.ledger import Ledger, NotThere
from apim_core.config import model as config
from apim_core.config.certificates import fingerprint
from apim_core.config.problems import did_you_mean
from apim_core.config.server import Network
from apim_core.config.validating import aware, page_patterns
from apim_core.management.calls import Call, member_problem, page_of

__all__ = ["KeyRequest", "add", "listed", "remove"]

_optional = attrs.validators.optional


@attrs.frozen
class KeyRequest:
    """A key that is wanted."""

    kind: Literal["api-key", "client_id", "certificate"] = "api-key"
    """The kind: an `api-key` is made by the gateway."""
    value: str | None = None
    """The client's id, or its certificate (PEM, or the SHA-256 of its DER form); of an `api-key` nothing."""
    key_manager: str | None = None
    """The key manager that knows the `client_id`; without it, any."""
    type: KeyType = "production"
    """For which world it is."""
    expires: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """Until when it is good."""
    addresses: tuple[Network, ...] = ()
    """Networks from which an `api-key` may be used."""
    referers: tuple[str, ...] = attrs.field(default=(), validator=page_patterns)
    """Pages from which an `api-key` may be used."""


async def listed(call: Call) -> web.Response:
    """``GET /applications/{id}/keys``: what is known of them but the secrets."""
    call.filters()
    ledger = await call.ledger()
    await _check_application(ledger, call.id)
    stored = await ledger.page(KeyEntry, lambda entry: entry.application == call.id, call.after, call.limit)
    written = [_written(key, each) for key, (owner, each) in ledger.keys.items() if owner == call.id]
    return page_of([*written, *(_shown(id_, entry) for id_, entry in stored)], call)


async def add(call: Call) -> web.Response:
    """``POST /applications/{id}/keys``: make an ``api-key``, or take in what else the application is known by."""
    wanted = await call.body(KeyRequest)
    ledger = await call.ledger()
    await _check_application(ledger, call.id)
    _check(wanted, ledger)
    about: dict[str, Any] = {
        "type": wanted.type,
        "expires": wanted.expires,
        "addresses": wanted.addresses,
        "referers": wanted.referers,
        "created": datetime.now(UTC).replace(microsecond=0),
    }
    secret: dict[str, str] = {}
    if wanted.kind == "api-key":
        prefix = f"apim_{secrets.token_hex(4)}"
        key = f"{prefix}_{secrets.token_hex(32)}"
        secret = {"key": key}
        entry = KeyEntry(call.id, wanted.kind, digest_of_key(wanted.kind, key), prefix=prefix, **about)
    else:
        entry = KeyEntry(call.id, wanted.kind, None, _value(wanted), wanted.key_manager, **about)
    await ledger.add(entry.id, entry)
    call.administration.log.info(
        "a key was added", application=call.id, key_id=entry.id, kind=entry.kind, by=call.request.remote
    )
    return web.json_response({**_shown(entry.id, entry), **secret}, status=201)


async def remove(call: Call) -> web.Response:
    """``DELETE /applications/{id}/keys/{key}``."""
    ledger = await call.ledger()
    key = call.part("key")
    entry = await ledger.get(KeyEntry, key)
    if entry.application != call.id:
        raise NotThere("key", key)
    await ledger.delete(KeyEntry, key)
    call.administration.log.info("a key was removed", application=call.id, key_id=key, by=call.request.remote)
    return web.Response(status=204)


async def _check_application(ledger: Ledger, id_: str) -> None:
    if not await ledger.has_application(id_):
        raise NotThere("application", id_)


def _check(wanted: KeyRequest, ledger: Ledger) -> None:
    """Refuse what does not go together."""
    if wanted.kind == "api-key" and wanted.value is not None:
        raise member_problem("/value", "the gateway makes an api-key itself", "leave it out")
    if wanted.kind != "api-key":
        for name in ("addresses", "referers"):
            if getattr(wanted, name):
                raise member_problem(f"/{name}", f"only an api-key can be bound to {name}", "leave it out")
        if wanted.value is None:
            raise member_problem("", "'value' is missing", f"add value: the {wanted.kind}")
    if wanted.key_manager is not None:
        known = ledger.configuration.key_managers
        if wanted.kind != "client_id":
            raise member_problem("/key_manager", "only a client_id is one of a key manager's", "leave it out")
        if wanted.key_manager not in known:
            hint = did_you_mean(wanted.key_manager, known) or f"there are: {', '.join(known) or 'none'}"
            raise member_problem("/key_manager", f"no key manager is named {wanted.key_manager!r}", hint)


def _value(wanted: KeyRequest) -> str:
    value = wanted.value or ""
    if wanted.kind == "certificate":
        try:
            return fingerprint(value)
        except ValueError as error:
            raise member_problem("/value", f"{error}", "send a PEM certificate, or its SHA-256") from None
    if not (value.strip() and value.isprintable() and len(value) <= 256):
        raise member_problem("/value", "it must be a text of one line and at most 256 characters, and not empty")
    return value


def _shown(id_: str, entry: KeyEntry) -> dict[str, Any]:
    members = plain(entry, whole=True)
    del members["hash"]
    return {"id": id_, **members, "source": "store"}


def _written(id_: str, written: config.ApplicationKey) -> dict[str, Any]:
    about = {"id": id_, "kind": written.kind, "key_manager": written.key_manager, "type": written.type}
    return {**about, "expires": written.expires and written.expires.isoformat(), "source": "configuration"}
