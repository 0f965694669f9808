"""Which errors of a validator are told, and in which words: those of the package @stoplight/better-ajv-errors.

Errors are put in a tree by the pointers of what they are about. A failed ``anyOf`` is not told where something below it
says more; a value that is only not one of an enumeration not where something beside it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.json_schema.errors import ValidationError
from apim_governance.json_schema.values import encoded, equal

__all__ = ["Told", "best_match", "cleaned", "told"]

_STEP: Final = re.compile(r"/[\w$-]+(?:/\d+)?", re.A)
_QUOTE: Final = re.compile("['\"]")


@attrs.frozen
class Told:
    """A sentence, with the pointer to what it is about."""

    message: str
    path: str


@attrs.define(eq=False)
class _Branch:
    errors: list[ValidationError] | None = attrs.field(factory=list)
    children: dict[str, _Branch] = attrs.field(factory=dict)


def told(errors: Sequence[ValidationError], value: Any, place: JSONPath) -> list[Told]:
    """Errors of a value that stands at a place of a document."""
    root = _tree(errors)
    _thin_out(root, None, "")
    return list(_sentences(root, value, place))


def _tree(errors: Iterable[ValidationError]) -> _Branch:
    root = _Branch(None)
    for error in errors:
        steps = _STEP.findall(error.path) if error.path else [""]
        branch = root
        for step in steps:
            branch = branch.children.setdefault(step, _Branch())
        if branch is not root and branch.errors is not None:
            branch.errors.append(error)
    return root


def _thin_out(branch: _Branch, holder: _Branch | None, name: str) -> None:
    if branch.children and any(error.keyword == "anyOf" for error in branch.errors or ()):
        branch.errors = None
    if branch.errors and all(error.keyword == "enum" for error in branch.errors):
        assert holder is not None
        if len(holder.children) > 1:
            holder.children.pop(name, None)
    for inner, child in list(branch.children.items()):
        _thin_out(child, branch, inner)


def _sentences(branch: _Branch, value: Any, place: JSONPath) -> Iterator[Told]:
    errors = branch.errors or ()
    if errors and all(error.keyword == "enum" for error in errors):
        yield _enumerated(errors, value, place)
        return
    for error in errors:
        yield Told(_sentence(error, value, place), error.path)
    for child in branch.children.values():
        yield from _sentences(child, value, place)


def _sentence(error: ValidationError, value: Any, place: JSONPath) -> str:
    if error.keyword == "additionalProperties":
        return f'Property "{error.params["additionalProperty"]}" is not expected to be here'
    if error.keyword == "errorMessage":
        return error.message
    if error.keyword == "type":
        name = _name(error.path, place)
        subject = "Value" if name is None else f'"{name}" property'
        return f"{subject} type {error.message}"
    return f"{_subject(error.path, value, place)} {cleaned(error.message)}"


def _enumerated(errors: Sequence[ValidationError], value: Any, place: JSONPath) -> Told:
    allowed: list[Any] = []
    for error in errors:
        for each in error.params["allowedValues"]:
            if isinstance(each, dict | list) or not any(equal(each, known) for known in allowed):
                allowed.append(each)
    first = errors[0]
    listed = ", ".join(f'"{each}"' if isinstance(each, str) else encoded(each) for each in allowed)
    message = f"{_subject(first.path, value, place)} {first.message}: {listed}"
    meant = best_match(_at(value, first.path), allowed)
    return Told(message if meant is None else f'{message}. Did you mean "{meant}"?', first.path)


def best_match(value: Any, allowed: Sequence[Any]) -> str | None:
    """What is most like a text of the values that are allowed, if it is like it at all."""
    texts = [each for each in allowed if isinstance(each, str)]
    if not isinstance(value, str) or not texts:
        return None
    distances = [(_distance(each, value), each) for each in texts]
    distance, best = min(distances, key=lambda pair: pair[0])
    return best if len(allowed) == 1 or distance < len(best) else None


def _distance(one: str, other: str) -> int:
    """How many letters must be changed, added or left out; long texts are not measured to the end."""
    one, other = one[:_LONGEST], other[:_LONGEST]
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        before, row[0] = row[0], index
        for column, its_letter in enumerate(other, 1):
            before, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, before + (letter != its_letter)),
            )
    return row[-1]


_LONGEST: Final = 500


def cleaned(message: str) -> str:
    """With double quotes, and not shouting."""
    return _QUOTE.sub('"', message).replace("NOT", "not")


def _subject(path: str, value: Any, place: JSONPath) -> str:
    name = _name(path, place)
    return _kind(_at(value, path)) if name is None else f'"{name}" property'


def _name(path: str, place: JSONPath) -> str | None:
    if "/" in path:
        return path.rpartition("/")[2]
    return str(place[-1]) if place else None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Number"
    return "String" if isinstance(value, str) else "Object"


def _at(value: Any, path: str) -> Any:
    for part in path.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        else:
            value = value[int(name)] if isinstance(value, list) and name.isdigit() and int(name) < len(value) else None
    return value
