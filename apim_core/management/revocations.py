"""The routes of revocations."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import Any, Final

import attrs
from aiohttp import web
from apim_sdk.fields import Secret

from apim_core.access.digests import digest_of_token
from apim_core.access.entries import RevocationEntry, plain
from apim_core.access.ledger import Conflict, Ledger, NotThere
from apim_core.access.revocations import Revocation, RevocationKind, Revocations, TooMany
from apim_core.access.stored import revocation_of
from apim_core.config.validating import aware, one_line
from apim_core.management.calls import Call, Refusal, member_problem, page_of

__all__ = ["RevocationRequest", "add", "listed", "remove"]

_optional = attrs.validators.optional
_WHAT: Final[tuple[RevocationKind, ...]] = ("token_id", "token", "client_id", "subject")
_CLOCKS_DIFFER: Final = 60.0
_ATTEMPTS: Final = 10


@attrs.frozen
class RevocationRequest:
    """What is to be revoked: one of ``token_id``, ``token``, ``client_id`` and ``subject``."""

    token_id: str | None = attrs.field(default=None, validator=_optional(one_line))
    """The `jti` of a token."""
    token: Secret | None = None
    """A token itself; only its hash is kept."""
    client_id: str | None = attrs.field(default=None, validator=_optional(one_line))
    """A client, all of whose tokens of before are revoked."""
    subject: str | None = attrs.field(default=None, validator=_optional(one_line))
    """A subject, all of whose tokens of before are revoked."""
    issuer: str | None = attrs.field(default=None, validator=_optional(one_line))
    """The `iss` of the tokens that it is about; without it, of any."""
    moment: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """Of a client or subject, until when what was issued is revoked; without it, now."""
    expires: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """When the token expires, after which its revocation is forgotten; without it, after `access.token_lifetime`."""


async def listed(call: Call) -> web.Response:
    """``GET /revocations``: those that are remembered, a page at a time."""
    call.filters()
    local = await _local(call)
    if local is not None:
        items = [_shown(each.id, _entry_of(each)) for each in local.all()]
    else:
        stored = await (await call.ledger()).page(RevocationEntry, _lasts, call.after, call.limit)
        items = [_shown(id_, entry) for id_, entry in stored]
    return page_of(items, call)


async def add(call: Call) -> web.Response:
    """``POST /revocations``. What is revoked already is revoked anew: with the later moment and end."""
    entry = _wanted(await call.body(RevocationRequest), call.administration.configuration.access.token_lifetime)
    local = await _local(call)
    if local is not None:
        there = local.get(entry.id)
        entry = entry if there is None else _later(_entry_of(there), entry)
        try:
            local.put(revocation_of(entry))
        except TooMany as error:
            raise Refusal(409, str(error)) from None
    else:
        ledger = await call.ledger()
        if await ledger.find(RevocationEntry, entry.id) is None:
            most = call.administration.configuration.access.revocations
            if await _count(ledger) >= most:
                raise Refusal(
                    409, f"There are {most} revocations, as `access.revocations` allows: remove some, or raise it"
                )
        entry = await _keep(entry, ledger)
    call.administration.log.info("revoked", revocation=entry.id, what=entry.kind, by=call.request.remote)
    return web.json_response(_shown(entry.id, entry), status=201)


async def remove(call: Call) -> web.Response:
    """``DELETE /revocations/{id}``: what was revoked is good again."""
    local = await _local(call)
    if local is not None:
        if call.id not in local.ids():
            raise NotThere("revocation", call.id)
        local.remove(call.id)
    else:
        await (await call.ledger()).delete(RevocationEntry, call.id)
    call.administration.log.info("a revocation was removed", revocation=call.id, by=call.request.remote)
    return web.Response(status=204)


async def _local(call: Call) -> Revocations | None:
    """The revocations of this process, where they count because there is no store."""
    return call.administration.revocations if await call.administration.ledger() is None else None


async def _count(ledger: Ledger) -> int:
    return len([None async for _, entry in ledger.all(RevocationEntry) if _lasts(entry)])


async def _keep(entry: RevocationEntry, ledger: Ledger) -> RevocationEntry:
    """Write a revocation; of what is revoked already, the later moment and end count. Raises Conflict."""
    for _ in range(_ATTEMPTS):
        if await ledger.find(RevocationEntry, entry.id) is None:
            try:
                await ledger.add(entry.id, entry, _remaining(entry))
            except Conflict:
                if await ledger.find(RevocationEntry, entry.id) is not None:
                    continue  # somebody was quicker
                await ledger.put(entry.id, entry, _remaining(entry))  # what was there was no revocation
            return entry
        with contextlib.suppress(NotThere):  # it may be forgotten meanwhile
            return await ledger.change(RevocationEntry, entry.id, lambda old: _later(old, entry), _remaining)
    raise Conflict("others keep changing it; try again")


def _later(old: RevocationEntry, new: RevocationEntry) -> RevocationEntry:
    return attrs.evolve(new, moment=max(new.moment, old.moment), expires=max(new.expires, old.expires))


def _remaining(entry: RevocationEntry) -> float:
    """Seconds until it is forgotten; the store wants more than none."""
    return max(entry.expires.timestamp() - time.time(), 0.001)


def _lasts(entry: RevocationEntry) -> bool:
    return entry.expires.timestamp() > time.time()


def _wanted(request: RevocationRequest, lifetime: float) -> RevocationEntry:
    """The entry that is asked for. Raises Refusal."""
    given = [name for name in _WHAT if getattr(request, name) is not None]
    if len(given) != 1:
        raise member_problem("", f"one of {', '.join(_WHAT)} says what is revoked", "give exactly one of them")
    (kind,) = given
    now = time.time()
    moment = datetime.now(UTC) if request.moment is None else request.moment
    if moment.timestamp() > now + _CLOCKS_DIFFER:
        raise member_problem("/moment", "it is yet to come; tokens of the future cannot be revoked")
    if kind in ("client_id", "subject"):
        if request.expires is not None:
            raise member_problem("/expires", f"how long that of a {kind} is remembered follows from its moment")
        expires = datetime.fromtimestamp(moment.timestamp() + lifetime, UTC)
    else:
        expires = request.expires or datetime.fromtimestamp(now + lifetime, UTC)
    if expires.timestamp() <= now:
        raise member_problem("/expires" if request.expires else "/moment", "it is over: nothing of it is good any more")
    value = getattr(request, kind)
    if isinstance(value, Secret):
        value = digest_of_token(value.reveal())
    return RevocationEntry(kind, value, request.issuer, moment=moment, expires=expires)


def _entry_of(each: Revocation) -> RevocationEntry:
    moment, expires = (datetime.fromtimestamp(when, UTC) for when in (each.moment, each.expires))
    return RevocationEntry(each.kind, each.value, each.issuer, moment=moment, expires=expires)


def _shown(id_: str, entry: RevocationEntry) -> dict[str, Any]:
    return {"id": id_, **plain(entry, whole=True)}
