"""Reads rulesets of Spectral 6: what they extend, change, add and override.

    extends     rulesets whose rules come first, each at ``recommended`` (the default), ``all`` or ``off``
    rules       new ones, changes of others, severities, true and false
    aliases     names for expressions, also different ones for different formats
    overrides   what else holds for some files, or for one place in them
    except      rules that are off there, as Spectral 5 wrote it
    functions   those in JavaScript, in files of ``functionsDir``, where they are allowed
    formats     of rules that name none

A file, or a definition that is at hand, becomes a ``Definition``, a tree of those that it extends; ``compiling`` makes
of it the rules for one document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import read_document
from apim_governance.documents.lenient_json import mended
from apim_governance.documents.resolving import joined
from apim_governance.findings import Finding
from apim_governance.functions.function import Configurable, Function
from apim_governance.rulesets.renamed import renamed

__all__ = ["Definition", "Parent", "Problem", "Problems", "RulesetError", "Rulesets"]

Read = Callable[[str], str]
_MODES: Final = ("off", "recommended", "all")
_JAVASCRIPT: Final = (".js", ".mjs", ".cjs", ".ts")
_DEEPEST: Final = 20
_MOST: Final = 1_000
"""Rulesets that one is made of."""


@attrs.frozen
class Problem:
    """One thing that is wrong with a ruleset: what, at which path of which source."""

    message: str
    path: JSONPath = ()
    source: str | None = None
    code: str = "invalid-ruleset-definition"

    def __str__(self) -> str:
        place = "/".join(map(str, self.path))
        return f"{self.source or 'the ruleset'}{' at ' + place if place else ''}: {self.message}"


class RulesetError(ValueError):
    """A ruleset that cannot be used, with every problem that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Problems:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, message: str, path: JSONPath, source: str | None, code: str = "invalid-ruleset-definition") -> None:
        """Take note of one problem."""
        problem = Problem(message, path, source, code)
        if problem not in self._found:
            self._found.append(problem)

    def take(self, others: Problems, but: str) -> None:
        """Take note of others, but for those of a code."""
        for each in others._found:
            if each.code != but and each not in self._found:
                self._found.append(each)

    def check(self) -> None:
        """Raise RulesetError if there are any."""
        if self._found:
            raise RulesetError(tuple(self._found))


@attrs.frozen
class Parent:
    """A definition that another one begins with, and its mode; ``said`` if that is written there."""

    definition: Definition
    mode: str = "recommended"
    said: bool = False


@attrs.frozen(eq=False)
class Definition:
    """A ruleset as it is written. ``extends`` are the definitions that it begins with, ``overriding`` those that its
    overrides begin with, by their numbers; ``place`` is where it stands in its source."""

    written: Mapping[str, Any]
    source: str | None
    extends: tuple[Parent, ...]
    functions: Mapping[str, Function]
    overriding: Mapping[int, tuple[Parent, ...]] = attrs.field(factory=dict)
    place: JSONPath = ()

    def lineage(self) -> Iterator[Definition]:
        """All definitions that it is made of, those that come first first."""
        for parent in self.extends:
            yield from parent.definition.lineage()
        yield self


class Scripts(Protocol):
    """Loads the functions that a ruleset has in files."""

    def load(self, name: str, source: str, text: str, schema: Any = None) -> Configurable:
        """A function by the text of its file; ``schema`` is that of its options. Raises ValueError."""


class Rulesets:
    """Reads rulesets; ``read`` gives files and URLs by their name, ``scripts`` loads functions in JavaScript."""

    def __init__(
        self, read: Read | None = None, catalogue: Catalogue | None = None, scripts: Scripts | None = None
    ) -> None:
        self._read = read
        self._scripts = scripts
        self._left = _MOST
        self.catalogue = catalogue or Catalogue()

    def load(self, name: str) -> Definition:
        """The ruleset of that file, URL or plugin. Raises RulesetError with all that is wrong."""
        problems = Problems()
        self._left = _MOST
        definition = self._named(name, None, (), (), problems)
        problems.check()
        assert definition is not None
        return definition

    def define(self, written: Any, source: str | None = None) -> Definition:
        """A ruleset whose definition is at hand. Raises RulesetError."""
        problems = Problems()
        self._left = _MOST
        definition = self._defined(written, source, {}, (), problems)
        problems.check()
        assert definition is not None
        return definition

    def _named(
        self, name: str, base: str | None, path: JSONPath, above: tuple[str, ...], problems: Problems
    ) -> Definition | None:
        if not self._left:
            problems.add(f"it is made of more than {_MOST:,} rulesets", (), base)
            return None
        self._left -= 1
        shipped = self.catalogue.ruleset(name)
        if shipped is not None:
            return self._defined(shipped.definition(), name, shipped.functions(), (*above, name), problems)
        source = joined(base, name)
        if source.endswith(_JAVASCRIPT):
            hint = "write it as YAML or JSON, and its functions as plugins"
            problems.add(f"{name!r} is a ruleset in JavaScript, which is not run here: {hint}", path, base)
            return None
        if source in above or len(above) > _DEEPEST:
            problems.add(f"{name!r} extends itself", path, base)
            return None
        if self._read is None:
            problems.add(f"there is no ruleset {name!r}, and no files are read here", path, base)
            return None
        try:
            text = self._read(source)
        except (OSError, UnicodeError) as error:
            problems.add(f"the ruleset {name!r} cannot be read: {_reason(error)}", path, base)
            return None
        document = read_document(text, source)
        if document.data is None and source.endswith(".json"):
            document = read_document(mended(text), source)
        unreadable: list[Finding] = [problem for problem in document.problems if document.data is None]
        for each in unreadable:
            where = f"line {each.range.start.line + 1}, column {each.range.start.character + 1}"
            problems.add(f"{each.message} ({where})", (), source)
        return None if unreadable else self._defined(document.data, source, {}, (*above, source), problems)

    def _defined(
        self,
        written: Any,
        source: str | None,
        functions: Mapping[str, Function],
        above: tuple[str, ...],
        problems: Problems,
    ) -> Definition | None:
        if not isinstance(written, Mapping):
            problems.add("a ruleset must be an object", (), source)
            return None
        written = _without_exceptions(renamed(written), source, problems)
        if not any(name in written for name in ("extends", "rules", "overrides")):
            problems.add("Ruleset must have rules or extends or overrides defined", (), source)
            return None
        extends = self._parents(written, (), source, above, problems)
        overrides = written.get("overrides")
        overriding = {
            index: self._parents(each, ("overrides", index), source, above, problems)
            for index, each in enumerate(overrides if isinstance(overrides, list) else ())
            if isinstance(each, Mapping) and "extends" in each
        }
        scripts = self._functions(written, source, problems) if self._scripts is not None else {}
        return Definition(written, source, extends, {**functions, **scripts}, overriding)

    def _parents(
        self,
        written: Mapping[str, Any],
        place: JSONPath,
        source: str | None,
        above: tuple[str, ...],
        problems: Problems,
    ) -> tuple[Parent, ...]:
        """What a ruleset, or one of its overrides, extends."""
        found = []
        listed = written.get("extends", [])
        for index, each in enumerate(
            [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
        ):
            path = (*place, "extends", index)
            said = isinstance(each, list) and len(each) == 2
            name, mode = each if said else (each, "recommended")
            if not isinstance(name, str) or mode not in _MODES:
                problems.add('must be a name, or a name with "off", "recommended" or "all"', path, source)
                continue
            parent = self._named(name, source, path, above, problems)
            if parent is not None:
                found.append(Parent(parent, mode, said))
        return tuple(found)

    def _functions(self, written: Mapping[str, Any], source: str | None, problems: Problems) -> dict[str, Function]:
        """The functions that a ruleset has in files of JavaScript below its ``functionsDir``."""
        found: dict[str, Function] = {}
        listed, folder = written.get("functions", []), written.get("functionsDir", "functions")
        if not isinstance(listed, list) or not isinstance(folder, str):
            problems.add('"functions" must be a list, "functionsDir" a name', ("functions",), source)
            return found
        for index, each in enumerate(listed):
            path: JSONPath = ("functions", index)
            name, schema = each if isinstance(each, list) and len(each) == 2 else (each, None)
            if not isinstance(name, str) or "/" in name or not isinstance(schema, dict | None):
                problems.add("must be the name of a function, or a list of it and a JSON Schema", path, source)
                continue
            file = joined(source, f"{folder}/{name}.js")
            try:
                found[name] = self._script(name, file, schema)
            except (OSError, UnicodeError) as error:
                problems.add(f"the function {name!r} cannot be read: {_reason(error)}", path, source)
            except ValueError as error:
                problems.add(f"the function {name!r}: {error}", path, source)
        return found

    def _script(self, name: str, file: str, schema: Any) -> Configurable:
        if self._read is None or self._scripts is None:
            raise ValueError("no files are read here")
        return self._scripts.load(name, file, self._read(file), schema)


def _without_exceptions(written: Mapping[str, Any], source: str | None, problems: Problems) -> Mapping[str, Any]:
    """A ruleset whose exceptions (file or place: names of rules) are overrides that switch those rules off."""
    if "except" not in written:
        return written
    excepted, overrides = written["except"], written.get("overrides", [])
    if not isinstance(excepted, Mapping) or not isinstance(overrides, list):
        problems.add('"except" must be an object, and "overrides" a list', ("except",), source)
        return written
    overrides = list(overrides)
    for pattern, names in excepted.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            problems.add("must be a list of names of rules", ("except", pattern), source)
            continue
        files = [f"**{pattern}" if str(pattern).startswith("#") else str(pattern)]
        overrides.append({"files": files, "rules": dict.fromkeys(names, "off")})
    return {**{name: value for name, value in written.items() if name != "except"}, "overrides": overrides}


def _reason(error: OSError | UnicodeError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
