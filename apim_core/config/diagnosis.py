"""What is wrong with data that could not be structured: all of it, each with its place and a way to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from apim_core.config import pointers, shapes
from apim_core.config.combinations import COMBINATIONS, written_members
from apim_core.config.converting import converter, mapping_key
from apim_core.config.descriptions import descriptions_of
from apim_core.config.hooks import BESIDE, LEAVES, AlreadyNoted, Refused, parts_of, plugin_reference
from apim_core.config.interpolation import UNREADABLE, Filled
from apim_core.config.problems import Problem, closest, did_you_mean
from apim_core.config.references import PluginReference, SourceRef, Step

__all__ = ["FindPlugin", "diagnose"]


FindPlugin = Callable[[str, str], type[Any]]
"""Gives the class of a plugin of a name and a kind; what it raises says why it cannot, and may have a ``hint``."""


def diagnose(
    data: Any, cls: Any, source: SourceRef, error: Exception | None, find_plugin: FindPlugin | None = None
) -> list[Problem]:
    """Every problem of ``data`` as a ``cls``, for which ``error`` is what structuring it raised.

    With ``find_plugin``, the settings of plugins are gone through as well. There are no problems although there was an
    error only when all that is wrong is a value that could not be read, whose problem is noted already.
    """
    diagnosis = _Diagnosis(source.file, tuple(_filled(data)), find_plugin)
    diagnosis.value(data, cls, source.pointer)
    if error is not None and not diagnosis.problems and not diagnosis.unreadable:
        diagnosis.note(source.pointer, *_said(error))
    return diagnosis.problems


def _said(error: Exception) -> tuple[str, str | None]:
    """Message and hint of an exception; of an unforeseen one also its type."""
    if isinstance(error, Refused):
        return str(error), error.hint
    first = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    if isinstance(error, ValueError):
        return first or "the value is refused", None
    return f"{type(error).__name__}: {first}", None


def _filled(data: Any) -> Iterator[Filled]:
    """Every text of ``data`` that has values from the environment in it."""
    if isinstance(data, Filled):
        yield data
    elif isinstance(data, (dict, list)):
        for inner in data.values() if isinstance(data, dict) else data:
            yield from _filled(inner)


class _Diagnosis:
    """Collects the problems of one piece of data; used once."""

    def __init__(self, file: str, filled: tuple[Filled, ...], find_plugin: FindPlugin | None) -> None:
        self.file = file
        self.find_plugin = find_plugin
        self.plugin_kind: str | None = None
        self.filled = filled
        self.problems: list[Problem] = []
        self.unreadable = 0

    def note(self, pointer: str, message: str, hint: str | None = None, *, at_key: bool = False) -> None:
        for text in self.filled:
            message = text.conceal(message)
            hint = hint and text.conceal(hint)
        self.problems.append(Problem(self.file, None, None, pointer, message, hint, at_key))

    @property
    def _noted(self) -> int:
        """How much is known to be wrong so far, here or in reading the document."""
        return len(self.problems) + self.unreadable

    def value(self, value: Any, kind: Any, pointer: str) -> None:
        """Note what is wrong with a value for a type."""
        kind = shapes.plain(kind)
        before = self._noted
        if value is UNREADABLE:
            self.unreadable += 1
            return
        shorthand = shapes.SHORTHANDS.get(kind)
        if shorthand and (shorthand.otherwise or shorthand.applies(value)):
            self.value(value, shorthand.inner if shorthand.applies(value) else shorthand.otherwise, pointer)
        elif kind in BESIDE:
            self._with_words(value, kind, pointer)
        elif kind is PluginReference:
            self._plugin(value, self.plugin_kind, pointer)
        elif shapes.is_class(kind) and kind not in LEAVES:
            self._class(value, kind, pointer)
        elif members := shapes.members_of(kind):
            self._union(value, members, pointer)
        elif (items := shapes.items_of(kind)) and isinstance(value, list):
            _, item, fixed = items
            for index, inner in enumerate(value):
                each = item if fixed is None else fixed[index] if index < len(fixed) else Any
                self.value(inner, each, pointers.child(pointer, index))
        elif (values := shapes.values_of(kind)) and isinstance(value, dict):
            self._mapping(value, values, pointer)
        if self._noted == before and not shapes.is_anything(kind):
            self._try(value, kind, pointer)

    def _try(self, value: Any, kind: Any, pointer: str) -> None:
        try:
            converter().structure(value, kind)
        except AlreadyNoted:
            self.unreadable += 1
        except Exception as error:
            self.note(pointer, *_said(error))

    def _mapping(self, mapping: dict[Any, Any], kinds: tuple[Any, Any], pointer: str) -> None:
        key_kind, value_kind = kinds
        key_hook = mapping_key(converter(), key_kind)
        for key, inner in mapping.items():
            place = pointers.child(pointer, str(key))
            try:
                key_hook(key, key_kind)
            except Exception as error:
                message, hint = _said(error)
                self.note(place, message, hint, at_key=True)
            self.value(inner, value_kind, place)

    def _union(self, value: Any, members: tuple[Any, ...], pointer: str) -> None:
        """Problems of the one member that a value of this kind can be meant for, where there is one."""
        meant = [member for member in members if _may_be(value, member)]
        if len(meant) == 1:
            self.value(value, meant[0], pointer)

    def _with_words(self, value: Any, cls: type, pointer: str) -> None:
        """A plugin with what is said beside its name."""
        try:
            plugin, about = parts_of(value, cls)
        except Refused as error:
            self.note(pointer, *_said(error))
            return
        self._plugin(plugin, "policy" if cls is Step else self.plugin_kind, pointer)
        for name in BESIDE[cls]:
            if name in about:
                self.value(about[name], shapes.options_of(cls)[name].type, pointers.child(pointer, name))

    def _plugin(self, value: Any, kind: str | None, pointer: str) -> None:
        try:
            reference = plugin_reference(value)
        except Refused as error:
            self.note(pointer, *_said(error))
            return
        if kind == "authenticator" and reference.name in COMBINATIONS:
            self._combination(reference, pointer)
            return
        if self.find_plugin is None or kind is None:
            return
        place = pointers.child(pointer, reference.name)
        try:
            cls = self.find_plugin(reference.name, kind)
        except Exception as error:
            self.note(place, str(error), getattr(error, "hint", None) or None, at_key=True)
            return
        self.value(reference.settings, cls, place)

    def _combination(self, reference: PluginReference, pointer: str) -> None:
        place = pointers.child(pointer, reference.name)
        try:
            members = written_members(reference.name, reference.settings)
        except Refused as error:
            self.note(place, *_said(error))
            return
        for below, member in members:
            self._plugin(member, "authenticator", place + below)

    def _class(self, value: Any, cls: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            return
        options = shapes.options_of(cls)
        meant = {close for key in value if key not in options if (close := closest(key, options))}
        for key in value:
            if key not in options:
                self._unknown(key, options, pointers.child(pointer, str(key)))
        sound: dict[str, Any] = {}
        for key, field in options.items():
            if key in value:
                before = self._noted
                outer, self.plugin_kind = self.plugin_kind, field.metadata.get("plugin", self.plugin_kind)
                self.value(value[key], field.type, pointers.child(pointer, key))
                self.plugin_kind = outer
                if self._noted == before:
                    sound[key] = value[key]
            elif field.default is attrs.NOTHING and key not in meant and "<<" not in value:
                description = descriptions_of(cls).get(field.name, "...")
                self.note(pointer, f"{key!r} is missing", f"add {key}: {description.partition(chr(10))[0]}")
        self._validate(sound, cls, pointer)

    def _unknown(self, key: Any, options: Any, pointer: str) -> None:
        if key == "<<":
            hint = "YAML 1.2 has no merge keys; write the keys out, or use an alias for the whole value"
        else:
            known = ", ".join(options) or "none"
            hint = did_you_mean(key, options) or f"the keys known here are {known}"
        self.note(pointer, f"the key {str(key)!r} is not known here", hint, at_key=True)

    def _validate(self, sound: dict[str, Any], cls: Any, pointer: str) -> None:
        """Run the validators of a class each on its own, so that what they refuse has the place of its field.

        ``sound`` is what is right so far. Where something else is missing, a validator that needs it cannot tell.
        """
        instance = object.__new__(cls)
        options = shapes.options_of(cls)
        present = {key: field for key, field in options.items() if key in sound or field.default is not attrs.NOTHING}
        for key, field in present.items():
            object.__setattr__(instance, field.name, _given_or_default(sound, key, field, instance))
        for key in sound:
            field = options[key]
            if field.validator is not None:
                try:
                    field.validator(instance, field, getattr(instance, field.name))
                except AttributeError:
                    if len(present) == len(options):
                        raise
                except Exception as error:
                    self.note(pointers.child(pointer, key), *_said(error))


def _given_or_default(sound: dict[str, Any], key: str, field: Any, instance: Any) -> Any:
    """What a field of an instance holds before its validator runs."""
    if key in sound:
        inner = converter().structure(sound[key], field.type)
        return inner if field.converter is None else attrs.converters.pipe(field.converter)(inner)
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time, a function in its stub
        return field.default.factory(*([instance] if field.default.takes_self else []))
    return field.default


def _may_be(value: Any, kind: Any) -> bool:
    """Whether a value of this kind can be meant for a type, by its outer form alone."""
    if isinstance(value, dict):
        return shapes.is_class(kind) or shapes.values_of(kind) is not None
    if isinstance(value, list):
        return shapes.items_of(kind) is not None
    return not (
        kind is type(None)
        or (shapes.is_class(kind) and kind not in LEAVES)
        or shapes.items_of(kind)
        or shapes.values_of(kind)
    )
