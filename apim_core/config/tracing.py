"""Tell each part of a configuration where it was written. The only code that changes a part once it is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from apim_core.config import pointers
from apim_core.config.model import Api, Configuration
from apim_core.config.references import NO_FLOWS, Flows, PluginReference, SourceRef, Step
from apim_core.config.server import Listener

__all__ = ["anchored", "mark", "trace"]


def trace(configuration: Configuration, origin: Callable[[str], SourceRef]) -> None:
    """Fill in every ``source``; ``origin`` gives the place in a file for a pointer into the whole."""
    for index, listener in enumerate(configuration.listen):
        mark(listener, origin(f"/listen/{index}"))
    mark(configuration.management, origin("/management"))
    mark(configuration.access, origin("/access"))
    for index, sink in enumerate(configuration.sinks):
        _mark_reference(sink, origin(f"/sinks/{index}"))
    if configuration.governance is not None:
        _mark_reference(configuration.governance, origin("/governance"))
    for name, manager in configuration.key_managers.items():
        _mark_reference(manager.plugin, origin(pointers.child("/key_managers", name)))
    for name, reference in configuration.stores.items():
        _mark_reference(reference, origin(pointers.child("/stores", name)))
    for name, reference in configuration.counters.items():
        _mark_reference(reference, origin(pointers.child("/counters", name)))
    for flow, step in _steps(configuration.flows):
        place = f"/flows/{flow[0]}/{flow[1]}"
        _mark_reference(step.plugin, origin(place))
    for index, api in enumerate(configuration.apis):
        _trace_api(api, origin(f"/apis/{index}"))
    for index, application in enumerate(configuration.applications):
        source = origin(f"/applications/{index}")
        mark(application, source)
        for number, subscription in enumerate(application.subscriptions):
            mark(subscription, _below(source, f"/subscriptions/{number}"))


def mark(part: Any, source: SourceRef) -> None:
    """Set the source of one frozen part, which only its loader may do."""
    object.__setattr__(part, "source", source)


def anchored(listener: Listener) -> Listener:
    """A listener whose files are named from where the process runs, not from its own file's folder."""
    if listener.tls is None:
        return listener
    folder = Path(listener.source.file).parent
    tls = listener.tls
    placed = attrs.evolve(
        listener,
        tls=attrs.evolve(
            tls,
            certificate=folder / tls.certificate,
            key=folder / tls.key,
            client_ca=None if tls.client_ca is None else folder / tls.client_ca,
            sni=tuple(attrs.evolve(c, certificate=folder / c.certificate, key=folder / c.key) for c in tls.sni),
        ),
    )
    mark(placed, listener.source)
    return placed


def _below(source: SourceRef, rest: str) -> SourceRef:
    return SourceRef(source.file, source.pointer + rest)


def _mark_reference(reference: PluginReference, holder: SourceRef) -> None:
    mark(reference, SourceRef(holder.file, pointers.child(holder.pointer, reference.name)))


def _steps(flows: Flows) -> list[tuple[tuple[str, int], Any]]:
    names = ("entry", "request", "response", "fault")
    return [((name, index), step) for name in names for index, step in enumerate(getattr(flows, name))]


def _trace_flows(flows: Flows, holder: SourceRef) -> None:
    if flows is not NO_FLOWS:
        for (name, index), step in _steps(flows):
            _mark_reference(step.plugin, _below(holder, f"/flows/{name}/{index}"))


def _trace_api(api: Api, source: SourceRef) -> None:
    mark(api, source)
    _trace_flows(api.flows, source)
    if api.endpoint is not None:
        _mark_reference(api.endpoint, _below(source, "/endpoint"))
    for index, plan in enumerate(api.plans):
        place = _below(source, f"/plans/{index}")
        mark(plan, place)
        _mark_reference(plan.authentication, _below(place, "/authentication"))
        for number, limit in enumerate(plan.limits):
            written = _below(place, f"/limits/{number}")
            if isinstance(limit, Step):
                _mark_reference(limit.plugin, written)
            else:
                mark(limit, written)
        _trace_flows(plan.flows, place)
    for index, operation in enumerate(api.operations):
        place = _below(source, f"/operations/{index}")
        mark(operation, place)
        _trace_flows(operation.flows, place)
        if operation.endpoint is not None:
            _mark_reference(operation.endpoint, _below(place, "/endpoint"))
