"""Rules that had another name in older versions of Spectral, as rulesets still write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["renamed"]

_NAMES: Final = {
    "operation-2xx-response": "operation-default-response",
    "oas3-unused-components-schema": "oas3-unused-components",
    **dict.fromkeys(
        (
            "oas2-valid-definition-example",
            "oas2-valid-parameter-example",
            "oas2-valid-response-schema-example",
        ),
        "oas2-valid-schema-example",
    ),
    "oas2-valid-response-example": "oas2-valid-media-example",
    **dict.fromkeys(
        ("oas3-valid-oas-content-example", "oas3-valid-oas-header-example", "oas3-valid-oas-parameter-example"),
        "oas3-valid-media-example",
    ),
    **dict.fromkeys(
        ("oas3-valid-header-schema-example", "oas3-valid-parameter-schema-example"), "oas3-valid-schema-example"
    ),
}
_LEVELS: Final = {"off": -1, "error": 0, "warn": 1, "info": 2, "hint": 3}


def renamed(written: Mapping[str, Any]) -> Mapping[str, Any]:
    """A ruleset whose changes of such rules are those of the rules of today; of two changes, the more severe one."""
    rules = written.get("rules")
    if not isinstance(rules, Mapping) or _NAMES.keys().isdisjoint(rules):
        return written
    changed = dict(rules)
    for name, value in rules.items():
        today = _NAMES.get(name)
        if today is None or isinstance(value, Mapping | list):
            continue
        del changed[name]
        changed[today] = _severer(value, changed[today]) if today in changed else value
    return {**written, "rules": changed}


def _severer(old: Any, new: Any) -> Any:
    before, after = (_LEVELS.get(each) if isinstance(each, str) else None for each in (old, new))
    if after == -1 or before is None or after is None:
        return old
    return new if before > after else old
