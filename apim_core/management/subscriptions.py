"""The routes of subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import attrs
from aiohttp import web
from apim_sdk.identity import SubscriptionState

from apim_core.access.entries import SubscriptionEntry, plain
from apim_core.access.ledger import Conflict, Ledger
from apim_core.access.written import subscription_id
from apim_core.config import model as config
from apim_core.config.problems import did_you_mean
from apim_core.config.validating import aware
from apim_core.management.calls import Call, member_problem, page_of
from apim_core.management.windows import longest_window_end

__all__ = ["SubscriptionChange", "add", "change", "listed", "remove"]

_optional = attrs.validators.optional
_FILTERS: Final = ("application", "api", "plan", "state")
_OVER: Final = ("closed", "rejected")
"""States that a subscription does not leave."""
_MOST_OF_A_KIND: Final = 20


@attrs.frozen
class SubscriptionChange:
    """What is to be different about a subscription; what is left out stays."""

    state: SubscriptionState = "active"
    """Whether it lets calls in."""
    plan: str = ""
    """Name of the plan."""
    starts: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """From when it holds; null for no such date."""
    ends: datetime | None = attrs.field(default=None, validator=_optional(aware))
    """Until when it holds; null for good."""
    at_once: bool = False
    """Whether another plan holds from the next request on, not only from the next window of the old plan's limits."""


async def listed(call: Call) -> web.Response:
    """``GET /subscriptions``: by ``application``, ``api``, ``plan`` and ``state``, a page at a time."""
    filters = call.filters(*_FILTERS)
    ledger = await call.ledger()

    def keep(entry: SubscriptionEntry) -> bool:
        return all(getattr(entry, name) == value for name, value in filters.items())

    stored = await ledger.page(SubscriptionEntry, keep, call.after, call.limit)
    written = [
        _written(id_, owner, each)
        for id_, (owner, each) in ledger.subscriptions.items()
        if all((owner if name == "application" else getattr(each, name)) == value for name, value in filters.items())
    ]
    return page_of([*written, *(_stored(id_, entry) for id_, entry in stored)], call)


async def show(call: Call) -> web.Response:
    """``GET /subscriptions/{id}``."""
    ledger = await call.ledger()
    if call.id in ledger.subscriptions:
        return web.json_response(_written(call.id, *ledger.subscriptions[call.id]))
    return web.json_response(_stored(call.id, await ledger.get(SubscriptionEntry, call.id)))


async def add(call: Call) -> web.Response:
    """``POST /subscriptions``: one for each application, API, version, plan and type of key that is not over."""
    entry = await call.body(SubscriptionEntry)
    ledger = await call.ledger()
    if not await ledger.has_application(entry.application):
        raise member_problem("/application", f"no application has the id {entry.application!r}")
    _check(entry, ledger)
    id_ = await _free_id(entry, ledger)
    await ledger.add(id_, entry)
    _say(call, "a subscription was added", id_, entry)
    return web.json_response(_stored(id_, entry), status=201, headers={"Location": f"/subscriptions/{id_}"})


async def change(call: Call) -> web.Response:
    """``PATCH /subscriptions/{id}``: state, plan and dates. The id stays, and so does what its limits have counted.

    Another plan holds from the next window of the old plan's limits, unless it is wanted ``at_once``.
    """
    members = await call.members()
    wanted = await call.body(SubscriptionChange, members)
    ledger = await call.ledger()
    now = datetime.now(UTC)

    def changed(old: SubscriptionEntry) -> SubscriptionEntry:
        if old.state in _OVER and wanted.state != old.state:
            raise Conflict(f"the subscription is {old.state} for good: make a new one")
        old = old.at(now)
        told = {name: getattr(wanted, name) for name in members if name not in ("plan", "at_once")}
        entry = attrs.evolve(old, **told)
        if "plan" in members:
            _check(attrs.evolve(entry, plan=wanted.plan), ledger)
            changes = None if wanted.at_once or wanted.plan == old.plan else _next_window(old, ledger, now)
            if changes is None:
                entry = attrs.evolve(entry, plan=wanted.plan, next_plan=None, changes=None)
            else:
                entry = attrs.evolve(entry, next_plan=wanted.plan, changes=changes)
        _check(entry, ledger)
        return entry

    entry = await ledger.change(SubscriptionEntry, call.id, changed)
    _say(call, "a subscription was changed", call.id, entry)
    return web.json_response(_stored(call.id, entry))


async def remove(call: Call) -> web.Response:
    """``DELETE /subscriptions/{id}``."""
    await (await call.ledger()).delete(SubscriptionEntry, call.id)
    call.administration.log.info("a subscription was removed", subscription=call.id, by=call.request.remote)
    return web.Response(status=204)


def _next_window(entry: SubscriptionEntry, ledger: Ledger, now: datetime) -> datetime | None:
    """When the longest window of the plan's limits ends that ``now`` is in; None if the plan has no limits."""
    end = longest_window_end(
        (
            limit
            for api in ledger.configuration.apis
            if api.name == entry.api and entry.version in (None, api.version)
            for plan in api.plans
            if plan.name == entry.plan
            for limit in plan.limits
        ),
        now.timestamp(),
    )
    return None if end is None else datetime.fromtimestamp(end, UTC)


def _check(entry: SubscriptionEntry, ledger: Ledger) -> None:
    """Refuse what names an API or plan that is not there, or ends before it begins."""
    apis = [each for each in ledger.configuration.apis if each.name == entry.api]
    if not apis:
        hint = did_you_mean(entry.api, {each.name for each in ledger.configuration.apis})
        raise member_problem("/api", f"no API is named {entry.api!r}", hint)
    if entry.version is not None:
        versions = {each.version for each in apis}
        apis = [each for each in apis if each.version == entry.version]
        if not apis:
            hint = f"there are: {', '.join(sorted(versions))}"
            raise member_problem("/version", f"API {entry.api!r} has no version {entry.version!r}", hint)
    plans = {plan.name for each in apis for plan in each.plans}
    if entry.plan not in plans:
        hint = did_you_mean(entry.plan, plans) or f"it has: {', '.join(sorted(plans)) or 'none'}"
        raise member_problem("/plan", f"API {entry.api!r} has no plan named {entry.plan!r}", hint)
    if entry.starts is not None and entry.ends is not None and entry.ends <= entry.starts:
        raise member_problem("/ends", "it ends before it begins")


async def _free_id(entry: SubscriptionEntry, ledger: Ledger) -> str:
    """The id that follows from what is subscribed to, or the next where one that is over, or moved, has it."""
    for number in range(_MOST_OF_A_KIND):
        plan = entry.plan if not number else f"{entry.plan} {number}"
        id_ = subscription_id(entry.application, entry.api, entry.version, plan, entry.key_type)
        if ledger.is_written(SubscriptionEntry, id_):
            raise Conflict("this subscription is written in the configuration")
        there = await ledger.find(SubscriptionEntry, id_)
        if there is None:
            return id_
        if there.plan == entry.plan and there.state not in _OVER:
            raise Conflict(f"this subscription is there already, with the id {id_!r}")
    raise Conflict(f"there are {_MOST_OF_A_KIND} subscriptions of this kind that are over: remove some")


def _say(call: Call, event: str, id_: str, entry: SubscriptionEntry) -> None:
    call.administration.log.info(
        event,
        subscription=id_,
        application=entry.application,
        state=entry.state,
        plan=entry.plan,
        by=call.request.remote,
    )


def _stored(id_: str, entry: SubscriptionEntry) -> dict[str, Any]:
    return {"id": id_, **plain(entry, whole=True), "source": "store"}


def _written(id_: str, application: str, written: config.Subscription) -> dict[str, Any]:
    entry = SubscriptionEntry(
        application,
        written.api,
        written.plan,
        written.version,
        written.state,
        written.key_type,
        written.starts,
        written.ends,
    )
    return {"id": id_, **plain(entry, whole=True), "source": "configuration"}
