"""What the start says: what listens where, what is loaded, what is unusual."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
from apim_sdk import Posture, Status

from apim_core.config import Configuration, PluginReference
from apim_core.config.server import Address
from apim_core.management.server import is_loopback
from apim_core.registry import Registry
from apim_core.workers import loop

__all__ = ["Banner"]

_MOST_NAMES = 12
"""Names that one line lists."""


@attrs.frozen
class Banner:
    """The start in facts; ``lines`` for people, ``facts`` for a log that machines read."""

    configuration: Configuration
    addresses: tuple[Address, ...]
    management: Address | None
    workers: int
    registry: Registry
    handed: bool = False
    """Whether the service manager opened the sockets."""

    def lines(self) -> list[str]:
        """A few lines for whoever looks on."""
        apis = self.configuration.apis
        operations = sum(len(api.operations) for api in apis)
        where = ", ".join(self._listening()) + (" (sockets from systemd)" if self.handed else "")
        named = _listed([f"{api.name} {api.version} at {api.context}" for api in apis])
        lines = [
            f"listens on  {where}, {_counted(self.workers, 'process', 'processes')}",
            f"management  {f'http://{self.management}' if self.management else 'off'}",
            f"serves      {_counted(len(apis), 'API')}, {_counted(operations, 'operation')}: {named or 'nothing yet'}",
            f"plugins     {_listed(self.plugins()) or 'none'}",
        ]
        return [*lines, *(f"note        {remark}" for remark in self.remarks())]

    def facts(self) -> dict[str, Any]:
        """The same for a log."""
        return {
            "listen": self._listening(),
            "management": str(self.management) if self.management else None,
            "workers": self.workers,
            "apis": len(self.configuration.apis),
            "operations": sum(len(api.operations) for api in self.configuration.apis),
            "plugins": self.plugins(),
            "remarks": list(self.remarks()),
        }

    def plugins(self) -> list[str]:
        """The plugins that the configuration names."""
        return sorted({reference.name for reference in _references(self.configuration)})

    def remarks(self) -> Iterator[str]:
        """What is no mistake, but unusual enough to be said aloud."""
        configuration = self.configuration
        loaded = {name: self.registry.load(name) for name in self.plugins()}
        if not loop.has_uvloop():
            yield "uvloop is not installed: the slower event loop of asyncio is used"
        if self.management is not None and not is_loopback(self.management):
            yield f"the management port is open to the network ({self.management}): keep clients away from it"
        anonymous = {name for name, plugin in loaded.items() if getattr(plugin, "anonymous", False)}
        open_to_all = [
            api.name for api in configuration.apis if any(plan.authentication.name in anonymous for plan in api.plans)
        ]
        if open_to_all:
            yield f"open to everybody, without a credential: {_listed(open_to_all)}"
        closed = [api.name for api in configuration.apis if not api.plans]
        if closed:
            yield f"closed to everybody, as there is no plan: {_listed(closed)}"
        for listener, address in zip(configuration.listen, self.addresses, strict=True):
            if listener.tls is None and not is_loopback(address):
                yield f"plain HTTP on {address}, which the network reaches"
        if any(network.prefixlen == 0 for network in configuration.trusted_proxies):
            yield "every address is a trusted proxy: any client can pretend to be another"
        experimental = [name for name, plugin in loaded.items() if plugin.status is Status.EXPERIMENTAL]
        if experimental:
            yield f"experimental plugins: {_listed(experimental)}"
        trusting = [name for name, plugin in loaded.items() if plugin.posture is not Posture.UNTRUSTED_CLIENTS]
        if trusting:
            yield f"plugins that must not face untrusted clients: {_listed(trusting)}"
        if os.geteuid() == 0:
            yield "runs as root: a service user is safer"

    def _listening(self) -> list[str]:
        listeners = zip(self.configuration.listen, self.addresses, strict=True)
        return [f"{'https' if listener.tls else 'http'}://{address}" for listener, address in listeners]


def _references(value: Any) -> Iterator[PluginReference]:
    """Every plugin that a part of a configuration names, however deep."""
    if isinstance(value, PluginReference):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        yield from _references(tuple(value.values()))
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _references(getattr(value, field.name))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
