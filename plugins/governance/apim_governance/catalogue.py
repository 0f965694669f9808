"""What rulesets may name: functions, and rulesets that come as plugins."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Final

from apim_sdk.governance import RulesetFunction, ShippedRuleset

from apim_governance.functions import CORE

__all__ = ["Catalogue"]

_GROUP: Final = "apim.plugins"
_KNOWN_BY: Final = {
    "spectral:oas": "spectral-oas",
    "spectral:asyncapi": "spectral-asyncapi",
    "spectral:arazzo": "spectral-arazzo",
    "@stoplight/spectral-owasp-ruleset": "owasp",
    "apim:recommended": "apim-recommended",
    "gravitee:recommended": "gravitee-recommended",
    "wso2:recommended": "wso2-recommended",
}
"""Names that rulesets have elsewhere, and those of their plugins."""


class Catalogue:
    """Finds functions and rulesets by name: those of this package, and those of plugins that are installed."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def function(self, name: str) -> type[RulesetFunction] | None:
        """The class of a function, None if there is none of that name."""
        found = CORE.get(name)
        if found is not None:
            return found
        plugin = self._plugin(name)
        return plugin if isinstance(plugin, type) and issubclass(plugin, RulesetFunction) else None

    def ruleset(self, name: str) -> ShippedRuleset | None:
        """A ruleset that is a plugin, None if there is none of that name."""
        plugin = self._plugin(_KNOWN_BY.get(name, name))
        return plugin() if isinstance(plugin, type) and issubclass(plugin, ShippedRuleset) else None

    def names(self) -> tuple[str, ...]:
        """Names of functions that are here without a plugin."""
        return tuple(sorted(CORE))

    def _plugin(self, name: str) -> Any:
        if name not in self._loaded:
            points = tuple(entry_points(group=_GROUP, name=name))
            self._loaded[name] = points[0].load() if points else None
        return self._loaded[name]
