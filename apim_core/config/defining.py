"""The operations that API definitions bring, joined with those that the configuration lists itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import attrs

from apim_core.config import pointers
from apim_core.config.documents import DocumentError, parse, read
from apim_core.config.model import Api, Match, Operation
from apim_core.config.problems import Problem
from apim_core.config.references import SourceRef
from apim_core.config.tracing import mark

__all__ = ["Definitions"]

_PARAMETER: Final = re.compile(r"\{[^{}]*\}")


class Definitions:
    """Reads each definition once and gives its operations to the APIs that name it. ``problems`` grows on the way."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.problems: list[Problem] = []
        self._contents = contents
        self._operations: dict[str, tuple[Operation, ...]] = {}

    def complete(self, api: Api) -> Api:
        """The API with the operations of its definition, if it has one."""
        if api.definition is None:
            return api
        path = Path(api.source.file).parent / api.definition
        file = str(path)
        if file not in self._operations:
            self._operations[file] = self._read(path, api)
        completed = attrs.evolve(api, definition=path, operations=_joined(self._operations[file], api.operations))
        mark(completed, api.source)
        return completed

    def _read(self, path: Path, api: Api) -> tuple[Operation, ...]:
        from apim_core.definitions import describe  # that package takes pointers from this one

        file = str(path)
        try:
            self._contents[file] = read(path)
            data = parse(self._contents[file], file)
        except OSError as error:
            place = SourceRef(api.source.file, pointers.child(api.source.pointer, "definition"))
            message = f"the definition {file} cannot be read: {error.strerror or error}"
            hint = "correct the path; it is relative to the file that names it"
            self.problems.append(Problem(place.file, None, None, place.pointer, message, hint))
            return ()
        except DocumentError as error:
            self.problems += error.problems
            return ()
        definition = describe(data)
        self.problems += [Problem(file, None, None, p.pointer, p.message, p.hint) for p in definition.problems]
        operations = []
        for defined in definition.operations:
            operation = Operation(Match(defined.method, defined.path), name=defined.id, scopes=defined.scopes)
            mark(operation, SourceRef(file, defined.pointer))
            operations.append(operation)
        return tuple(operations)


def same_requests(match: Match) -> tuple[str, str]:
    """Method and path of a match without the names of parameters: two that agree take the same requests."""
    return match.method, _PARAMETER.sub("{}", match.path)


def _joined(defined: tuple[Operation, ...], listed: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The defined operations, each replaced by the listed one of the same match, then the listed ones that are new."""
    by_match = {same_requests(operation.match): operation for operation in listed}
    joined = []
    for operation in defined:
        own = by_match.pop(same_requests(operation.match), None)
        joined.append(operation if own is None else _over(own, operation))
    return (*joined, *(operation for operation in listed if same_requests(operation.match) in by_match))


def _over(own: Operation, defined: Operation) -> Operation:
    """A listed operation with what only the definition says. Scopes that it does not name stay: they protect."""
    completed = attrs.evolve(own, name=own.name or defined.name, scopes=own.scopes or defined.scopes)
    mark(completed, own.source)
    return completed
