"""What the parts of a configuration must keep to among each other, as far as no plugin is needed to tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from apim_core.config.model import Configuration
from apim_core.config.problems import Problem, did_you_mean
from apim_core.config.references import SourceRef

__all__ = ["BUILT_IN_COUNTERS", "check"]

BUILT_IN_COUNTERS = ("node", "process")
"""Names of counters that are there without being configured: the supervisor's, and the process's own."""

Name = TypeVar("Name")


def check(configuration: Configuration) -> list[Problem]:
    """Everything that stands twice and may stand once."""
    apis = (((api.name, api.version), api.source) for api in configuration.apis)
    applications = ((application.name, application.source) for application in configuration.applications)
    return [
        *(_problem(s, f"API {n!r} version {v!r} is there twice", "change its version") for (n, v), s in _again(apis)),
        *(_problem(s, f"application {n!r} is there twice", "change its name") for n, s in _again(applications)),
        *_keys(configuration),
        *_key_managers(configuration),
        *_ids(configuration),
        *_access(configuration),
        *_counters(configuration),
        *_proxies(configuration),
        *_addresses(configuration),
    ]


def _again(named: Iterable[tuple[Name, SourceRef]]) -> Iterator[tuple[Name, SourceRef]]:
    """Each that has a name that was there before."""
    seen: set[Name] = set()
    for name, source in named:
        if name in seen:
            yield name, source
        seen.add(name)


def _problem(source: SourceRef, message: str, hint: str) -> Problem:
    return Problem(source.file, None, None, source.pointer, message, hint)


def _keys(configuration: Configuration) -> Iterator[Problem]:
    """A credential belongs to one application. The message must not show it."""
    named = (
        ((key.kind, key.value, key.key_manager), _below(application.source, f"/keys/{index}"))
        for application in configuration.applications
        for index, key in enumerate(application.keys)
    )
    for (kind, *_), source in _again(named):
        yield _problem(source, f"this {kind} is there twice", "give every application a key of its own")


def _key_managers(configuration: Configuration) -> Iterator[Problem]:
    """A client_id is one of a key manager that is there."""
    known = configuration.key_managers
    for application in configuration.applications:
        for index, key in enumerate(application.keys):
            if key.key_manager is not None and key.key_manager not in known:
                hint = did_you_mean(key.key_manager, known) or f"there are: {', '.join(known) or 'none'}"
                place = _below(application.source, f"/keys/{index}/key_manager")
                yield _problem(place, f"no key manager is named {key.key_manager!r}", hint)


def _ids(configuration: Configuration) -> Iterator[Problem]:
    """Ids that are written are each there once."""
    applications = ((each.id, each.source) for each in configuration.applications if each.id)
    subscriptions = (
        (each.id, each.source)
        for application in configuration.applications
        for each in application.subscriptions
        if each.id
    )
    for what, named in (("application", applications), ("subscription", subscriptions)):
        for id_, source in _again(named):
            yield _problem(source, f"the {what} id {id_!r} is there twice", "change it, or leave it out")


def _access(configuration: Configuration) -> Iterator[Problem]:
    """The store for access is one of those there are."""
    name, stores = configuration.access.store, configuration.stores
    if name is not None and name not in stores:
        hint = did_you_mean(name, stores) or f"there are: {', '.join(stores) or 'none'}"
        yield _problem(
            _below(configuration.access.source, "/store"), f"no store is named {name!r} under `stores`", hint
        )


def _counters(configuration: Configuration) -> Iterator[Problem]:
    """No store takes a name that has its meaning already."""
    for name, reference in configuration.counters.items():
        if name in BUILT_IN_COUNTERS:
            meaning = "the workers of this gateway together" if name == "node" else "each process by itself"
            yield _problem(
                reference.source,
                f"counters cannot be named {name!r}, which stands for {meaning}",
                "give them another name",
            )


def _below(source: SourceRef, rest: str) -> SourceRef:
    return SourceRef(source.file, source.pointer + rest)


def _proxies(configuration: Configuration) -> Iterator[Problem]:
    for listener in configuration.listen:
        if listener.proxy_protocol and not configuration.trusted_proxies:
            yield _problem(
                listener.source,
                "proxy_protocol is on, but nobody may send the header",
                "name the load balancers' networks under `trusted_proxies`",
            )


def _addresses(configuration: Configuration) -> Iterator[Problem]:
    taken = [(listener.address, listener.source) for listener in configuration.listen]
    if configuration.management.enabled:
        taken.append((configuration.management.listen, configuration.management.source))
    fixed = ((address, source) for address, source in taken if address.port != 0)
    for address, source in _again(fixed):
        yield _problem(source, f"{address} is listened on twice", "change one of the ports")
