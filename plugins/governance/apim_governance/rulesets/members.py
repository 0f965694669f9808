"""Sees that what a ruleset has is of the kinds that the language wants, before anything is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from apim_sdk.governance import JSONPath

from apim_governance.documents.formats import FORMATS
from apim_governance.rulesets.reading import Definition, Problems
from apim_governance.suggestions import did_you_mean

__all__ = ["check_rule", "check_ruleset", "format_names"]

RULE: Final = "invalid-rule-definition"
_ALIAS: Final = "invalid-alias-definition"
_URL: Final = re.compile(r"(?:https?|ftp)://[^\s/?#]+\S*")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NO_RULE: Final = 'the rule must have at least "given" and "then" properties'
_NO_TARGETS: Final = "targets must be present and have at least a single alias definition"
_NO_TARGET: Final = "a valid target must contain given and non-empty formats"
_NO_EXPRESSIONS: Final = "must be a non-empty array of expressions"
_KINDS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "description": (lambda value: isinstance(value, str), "must be string"),
    "message": (lambda value: isinstance(value, str), "must be string"),
    "documentationUrl": (lambda value: isinstance(value, str) and bool(_URL.fullmatch(value)), "must be a valid URL"),
    "recommended": (lambda value: isinstance(value, bool), "must be boolean"),
    "resolved": (lambda value: isinstance(value, bool), "must be boolean"),
    "tags": (lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value), "must be array"),
    "type": (lambda value: value in ("style", "validation"), 'allowed types are "style" and "validation"'),
    "extensions": (lambda value: isinstance(value, Mapping), "must be object"),
}
_OTHERS: Final = frozenset(("given", "then", "severity", "formats"))
_RULESET: Final = (
    *("aliases", "description", "documentationUrl", "except", "extends", "files", "formats", "functions"),
    *("functionsDir", "overrides", "parserOptions", "rules"),
)


def check_ruleset(definition: Definition, problems: Problems) -> None:
    """Tell of what a ruleset, or one of its overrides, has and the language has not, and what is wrong beside rules."""
    for name in definition.written:
        if name not in _RULESET and not str(name).startswith("x-"):
            message = f'must NOT have additional properties: "{name}"{did_you_mean(str(name), _RULESET)}'
            problems.add(message, definition.place, definition.source)
    url = definition.written.get("documentationUrl", "https://a")
    if not isinstance(url, str) or not _URL.fullmatch(url):
        problems.add("must be a valid URL", (*definition.place, "documentationUrl"), definition.source)
    _check_formats(definition.written.get("formats", []), (*definition.place, "formats"), definition, problems)
    _check_aliases(definition, problems)


def check_rule(
    written: Mapping[str, Any], path: JSONPath, new: bool, definition: Definition, problems: Problems
) -> bool:
    """Tell what is wrong with a rule, or a change of one; whether anything can be made of it."""

    def tell(message: str, *place: str) -> None:
        problems.add(message, (*path, *place), definition.source, RULE)

    for name, value in written.items():
        if name in _KINDS:
            fits, message = _KINDS[name]
            if not fits(value):
                tell(message, name)
        elif name not in _OTHERS and not str(name).startswith("x-"):
            tell(f'must NOT have additional properties: "{name}"{did_you_mean(str(name), (*_KINDS, *_OTHERS))}')
    if new and not ("given" in written and "then" in written):
        tell(_NO_RULE)
        return False
    _check_formats(written.get("formats", []), (*path, "formats"), definition, problems)
    return True


def _check_formats(written: Any, path: JSONPath, definition: Definition, problems: Problems) -> None:
    """Tell of formats that there are not."""
    if not isinstance(written, list):
        problems.add("must be an array of formats", path, definition.source, RULE)
        return
    for index, name in enumerate(format_names(written)):
        if name not in FORMATS:
            message = f"there is no format {name!r}{did_you_mean(name, FORMATS)}"
            problems.add(message, (*path, index), definition.source, "invalid-format")


def format_names(written: Any) -> list[str]:
    """Names of formats; ``oas3_1`` is ``oas3.1``."""
    return [str(name).replace("_", ".") for name in written] if isinstance(written, list) else []


def _check_aliases(definition: Definition, problems: Problems) -> None:
    """Tell what is wrong with the aliases of a ruleset."""
    aliases = definition.written.get("aliases", {})
    path: JSONPath = (*definition.place, "aliases")

    def tell(message: str, *place: str | int) -> None:
        problems.add(message, (*path, *place), definition.source, _ALIAS)

    if not isinstance(aliases, Mapping):
        tell("must be an object")
        return
    for name, value in aliases.items():
        if not _NAME.fullmatch(str(name)):
            tell(f"to avoid confusion the name must match /^{_NAME.pattern}$/ regular expression")
        if isinstance(value, Mapping):
            targets = value.get("targets")
            if not isinstance(targets, list) or not targets:
                tell(_NO_TARGETS, name)
                continue
            for index, target in enumerate(targets):
                place = (name, "targets", index)
                if not isinstance(target, Mapping) or not _texts(target.get("given")) or "formats" not in target:
                    tell(_NO_TARGET, *place)
                else:
                    _check_formats(target["formats"], (*path, *place, "formats"), definition, problems)
        elif not isinstance(value, str) and not _texts(value):
            tell(_NO_EXPRESSIONS, name)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
