"""Checks that a secret is shown nowhere: not in a repr, the log, a metric, a fault, an error, the schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from apim_sdk.fields import Secret
from apim_sdk.testing.building import build
from apim_sdk.testing.conformance.exercise import exercise
from apim_sdk.testing.conformance.subject import Subject, require
from apim_sdk.testing.conformance.traffic import CREDENTIAL

__all__ = ["CHECKS"]

_PLANTED = "5ec7e7" * 8
"""Stands for every secret option: long, and hexadecimal, so that it passes for a key or a token."""


def secrets_are_shown_nowhere(subject: Subject) -> None:
    subject = _planted(subject)
    plugin = subject.build()
    values = {secret.reveal() for secret in _secrets(plugin)}
    context = subject.context()
    faults = asyncio.run(exercise(subject, context))
    shown = {
        "its repr": repr(plugin),
        "its text": str(plugin),
        "the log": "\n".join(f"{line.event} {line.facts!r}" for line in context.log.lines),
        "a metric": repr([*context.metrics.counters, *context.metrics.observations, *context.metrics.gauges]),
        "a fault": "\n".join(f"{fault} {fault.detail} {fault.headers} {fault.fields}" for fault in faults),
        "its schema": json.dumps(subject.schema()),
        "the error of a wrong configuration": _error(subject),
    }
    for place, text in shown.items():
        for value in values:
            require(len(value) < 8 or value not in text, f"{subject} shows a secret option in {place}")
        require(CREDENTIAL not in text, f"{subject} shows the client's credential in {place}")


CHECKS = (secrets_are_shown_nowhere,)


def _planted(subject: Subject) -> Subject:
    """The subject with a known text in every secret option that takes it."""
    schema = subject.schema()
    for everywhere in (True, False):
        settings = _plant(schema, schema, subject.settings, everywhere)
        try:
            build(subject.plugin, settings)
        except Exception:  # noqa: S112  # whatever the plugin has against it, the example itself is left
            continue
        return attrs.evolve(subject, settings=settings)
    return subject


def _plant(root: Mapping[str, Any], schema: Any, settings: Any, everywhere: bool) -> Any:
    for node in _alternatives(root, schema):
        if node.get("writeOnly") and isinstance(settings, str):
            return _PLANTED
        if isinstance(settings, Mapping) and "properties" in node:
            return _plant_options(root, node["properties"], settings, everywhere)
        if isinstance(settings, Mapping) and isinstance(node.get("additionalProperties"), Mapping):
            inner = node["additionalProperties"]
            return {name: _plant(root, inner, value, everywhere) for name, value in settings.items()}
        if isinstance(settings, list) and "items" in node:
            return [_plant(root, node["items"], value, everywhere) for value in settings]
    return settings


def _plant_options(root: Mapping[str, Any], options: Mapping[str, Any], settings: Any, everywhere: bool) -> Any:
    planted = {
        name: _plant(root, options[name], value, everywhere) if name in options else value
        for name, value in settings.items()
    }
    if everywhere:
        for name, option in options.items():
            if any(node.get("writeOnly") for node in _alternatives(root, option)):
                planted.setdefault(name, _PLANTED)
    return planted


def _alternatives(root: Mapping[str, Any], schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema, what it refers to, and what it lets one choose from."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    reference = schema.get("$ref", "")
    if reference.startswith("#/$defs/"):
        yield from _alternatives(root, root["$defs"][reference.removeprefix("#/$defs/")])
    for keyword in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(keyword, ()):
            yield from _alternatives(root, inner)


def _secrets(value: Any) -> Iterator[Secret]:
    """The secrets that an instance holds in its options."""
    if isinstance(value, Secret):
        yield value
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            if field.init:
                yield from _secrets(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, tuple | list | frozenset | set):
        for inner in value:
            yield from _secrets(inner)


def _error(subject: Subject) -> str:
    """What is said of settings that hold the secrets and an option that does not exist."""
    settings = {**subject.settings, "no-such-option": True} if isinstance(subject.settings, Mapping) else [True]
    try:
        build(subject.plugin, settings)
    except Exception as error:  # the engine's own error, whatever it is
        return f"{error} {error!r}"
    require(False, f"{subject} takes settings with an option that it does not have")
    return ""
