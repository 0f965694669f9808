"""Find an installed plugin and build it out of settings, as the gateway does."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, cast, overload

from apim_sdk.engine import engine
from apim_sdk.plugin import Plugin

__all__ = ["PLUGINS", "build", "installed"]

PLUGINS = "apim.plugins"
"""The entry point group of plugins."""

AnyPlugin = TypeVar("AnyPlugin", bound=Plugin)


@overload
def build(plugin: type[AnyPlugin], settings: Any = ...) -> AnyPlugin: ...
@overload
def build(plugin: str, settings: Any = ...) -> Any: ...
def build(plugin: type[Plugin] | str, settings: Any = None) -> Any:
    """A plugin out of ``settings``, as an operator would write them; without, out of the class's ``example``.

    ``plugin`` is the class or the name of its entry point. Raises LookupError if no plugin has the name; the engine's
    error, which names each mistake, if the settings are wrong.
    """
    cls = installed(plugin).load() if isinstance(plugin, str) else plugin
    return cast(Plugin, engine().structure(cls.example if settings is None else settings, cls))


def installed(name: str) -> EntryPoint:
    """The entry point of the plugin of that name. Raises LookupError with names that look alike."""
    found = entry_points(group=PLUGINS)
    for entry_point in found:
        if entry_point.name == name:
            return entry_point
    near = get_close_matches(name, found.names)
    hint = f"did you mean {' or '.join(near)}?" if near else "is its distribution installed? Try: pip install -e ."
    raise LookupError(f"no installed plugin is named {name!r}; {hint}")
