"""Building the plugins that a configuration names, and collecting what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar, cast

import attrs
from apim_sdk.key_manager import KeyManager
from apim_sdk.plugin import Plugin

from apim_core.config import ConfigErrors, PluginReference, Problem, SourceRef, structure
from apim_core.registry import PluginError, Registry

__all__ = ["Builder", "Built"]

AnyPlugin = TypeVar("AnyPlugin", bound=Plugin)


@attrs.frozen
class Built:
    """A plugin instance, and where it stands: ``place`` is the same over reloads as long as its surroundings are."""

    plugin: Plugin
    name: str
    place: str
    source: SourceRef
    key_managers: Mapping[str, KeyManager] | None = None
    """Those whose tokens may be taken where it stands; None where that is not a matter of place."""


class Builder:
    """Builds plugin instances one after the other; a mistake in one does not hide those in the next."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._places: dict[str, int] = {}
        self.built: list[Built] = []
        self.problems: list[Problem] = []
        self.key_managers: Mapping[str, KeyManager] | None = None
        """What is built from now on may take tokens of these only."""

    def build(self, reference: PluginReference, kind: type[AnyPlugin], place: str) -> AnyPlugin | None:
        """The plugin of a reference; None if it cannot be built, and then the problem is noted."""
        try:
            plugin = structure(
                {} if reference.settings is None else reference.settings,
                self._registry.load(reference.name, kind.kind),
                reference.source,
            )
        except PluginError as error:
            self.problem(reference.source, error.message, error.hint)
            return None
        except ConfigErrors as errors:
            self.problems.extend(errors.problems)
            return None
        place = f"{place}/{reference.name}"
        ordinal = self._places[place] = self._places.get(place, 0) + 1
        if ordinal > 1:
            place = f"{place}#{ordinal}"
        self.built.append(Built(plugin, reference.name, place, reference.source, self.key_managers))
        return cast(AnyPlugin, plugin)

    def problem(self, source: SourceRef, message: str, hint: str = "") -> None:
        """Note that something is wrong at a place of the configuration."""
        self.problems.append(Problem(source.file, None, None, source.pointer, message, hint or None, at_key=True))

    def plugins(self) -> Iterator[Built]:
        """Everything that was built, in order."""
        return iter(self.built)
