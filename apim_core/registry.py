"""The registry: finds plugins by one scan of the entry points, and loads by name those that are used.

A name is an entry point in the group ``apim.plugins``. Nothing is imported before it is asked for; what is asked for
is checked, and registered with pluggy, once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import cast

import attrs
import pluggy
from apim_sdk import hookspecs
from apim_sdk.plugin import Plugin

__all__ = ["GROUP", "Available", "PluginError", "Registry"]

GROUP = "apim.plugins"

_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class PluginError(Exception):
    """A plugin cannot be used. ``name`` is the word in the configuration, ``hint`` says how to mend it."""

    def __init__(self, name: str, message: str, hint: str = "", distribution: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.hint = hint
        self.distribution = distribution


@attrs.frozen
class Available:
    """A plugin as a listing shows it; ``plugin`` is None where ``problem`` says why it cannot be used."""

    name: str
    distribution: str
    version: str
    plugin: type[Plugin] | None
    problem: str = ""
    hint: str = ""


class Registry:
    """Plugins by name.

    Mutated only by ``load``, which remembers what it loaded; used by one event loop and never for a request.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        found: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=GROUP) if points is None else points:
            same = found.setdefault(point.name, [])
            if point not in same:
                same.append(point)
        self._points: Mapping[str, list[EntryPoint]] = MappingProxyType(found)
        self._loaded: dict[str, type[Plugin]] = {}
        self.hooks = pluggy.PluginManager(hookspecs.PROJECT)
        self.hooks.add_hookspecs(hookspecs)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name there is, sorted; loads nothing."""
        return tuple(sorted(self._points))

    @property
    def loaded(self) -> Mapping[str, type[Plugin]]:
        """What has been loaded so far."""
        return MappingProxyType(self._loaded)

    def load(self, name: str, kind: str | None = None) -> type[Plugin]:
        """The class of a name, of the kind that is wanted. Raises PluginError."""
        plugin = self._loaded.get(name)
        if plugin is None:
            plugin = self._load(name)
            self.hooks.register(plugin, name)
            self._loaded[name] = plugin
        if kind is not None and plugin.kind != kind:
            raise PluginError(
                name, f"{name!r} is a plugin of the kind {plugin.kind!r}; here stands one of the kind {kind!r}"
            )
        return plugin

    def available(self) -> tuple[Available, ...]:
        """Every plugin that is installed, those that cannot be used with the reason."""
        return tuple(self._describe(name) for name in self.names)

    def _describe(self, name: str) -> Available:
        point = self._points[name][0]
        version = point.dist.version if point.dist is not None else ""
        try:
            return Available(name, distribution_of(point), version, self.load(name))
        except PluginError as error:
            return Available(name, distribution_of(point), version, None, error.message, error.hint)

    def _load(self, name: str) -> type[Plugin]:
        points = self._points.get(name)
        if points is None:
            near = difflib.get_close_matches(name, self._points, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`apim plugins` lists those that are installed"
            raise PluginError(name, f"no plugin is named {name!r}", hint)
        if len(points) > 1:
            owners = ", ".join(f"{point.value} of {distribution_of(point)}" for point in points)
            raise PluginError(name, f"several plugins are named {name!r}: {owners}", "uninstall all but one of them")
        return _import(points[0])


def distribution_of(point: EntryPoint) -> str:
    """The name of the distribution that an entry point belongs to."""
    return point.dist.name if point.dist is not None else "an unknown distribution"


def _import(point: EntryPoint) -> type[Plugin]:
    owner = distribution_of(point)
    try:
        plugin = point.load()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = _extra_that_brings(point, missing)
        package = f"{owner}[{extra}]" if extra else missing
        raise PluginError(
            point.name,
            f"the plugin {point.name!r} of {owner} needs {missing!r}, which is not installed",
            f"pip install '{package}'",
            owner,
        ) from error
    except Exception as error:
        raise PluginError(
            point.name,
            f"the plugin {point.name!r} of {owner} fails on import: {type(error).__name__}: {error}",
            f"the entry point is {point.value!r}",
            owner,
        ) from error
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin) and plugin.kind):
        raise PluginError(
            point.name,
            f"{point.value!r} of {owner} is no plugin: the entry point must name a class of a kind that the SDK knows",
            "derive it from Policy, Authenticator, Endpoint, Sink or another base class of apim_sdk",
            owner,
        )
    if not attrs.has(plugin):
        raise PluginError(
            point.name,
            f"the plugin {point.name!r} of {owner} is no attrs class, so it has no settings",
            "put @attrs.frozen above the class",
            owner,
        )
    return cast(type[Plugin], plugin)


def _extra_that_brings(point: EntryPoint, module: str) -> str | None:
    """The extra of the plugin's distribution that requires what is missing, as far as its metadata tells."""
    for requirement in (point.dist.requires or ()) if point.dist is not None else ():
        name = _REQUIREMENT_NAME.match(requirement)
        extra = _EXTRA.search(requirement)
        if name and extra and name[0].lower().replace("-", "_") == module.lower():
            return extra[1]
    return None
