"""What the names in an expression mean: local variables of macros, the environment's variables, and types."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from apim_core.expressions.code import Code, Run, constant
from apim_core.expressions.types import MAP, NAMED_TYPES, TYPE
from apim_core.expressions.values import OpenMap
from apim_core.expressions.variables import Lookup, Record, Resolver, Variable


@attrs.frozen(eq=False)
class Scope:
    """The local variables that macros have declared around a place in the expression, with the code that reads them."""

    locals: Mapping[str, Run] = attrs.field(factory=dict)

    def declare(self, **declared: Run) -> "Scope":
        """This scope with more variables, which hide others of the same names."""
        return Scope({**self.locals, **declared})

    def hides(self, dotted_name: str) -> bool:
        """Whether a dotted name starts with a local variable."""
        return dotted_name.partition(".")[0] in self.locals


@attrs.frozen(eq=False)
class Variables:
    """Turns the environment's variables into code."""

    declared: Mapping[str, Variable]
    container: str
    inside_activation: bool
    """Whether code gets an `Activation` instead of the bare context."""

    def find(self, name: str, *, absolute: bool = False) -> tuple[str, Code] | None:
        """The full name and the code of the variable or type that a dotted name means; None if there is none.

        In a container `a.b`, the name `x` means `a.b.x`, else `a.x`, else `x` (cel-spec langdef, "Name Resolution").
        """
        for candidate in (name,) if absolute else self._candidates(name):
            if candidate in self.declared:
                return candidate, self.code_of(self.declared[candidate], candidate)
            if candidate in NAMED_TYPES:
                return candidate, constant(NAMED_TYPES[candidate], TYPE)
        return None

    def code_of(self, variable: Variable, path: str) -> Code:
        """The code of a variable, or of a field of a record, with this dotted name."""
        if isinstance(variable, Record):
            return Code(_no_value, record=variable, path=path)
        if isinstance(variable, Lookup):
            lookup = variable
            return Code(self._whole(lookup), MAP, read_key=lambda key: self._one(lookup, key))
        return Code(self._adapted(variable))

    def _candidates(self, name: str) -> Iterator[str]:
        container = self.container
        while container:
            yield f"{container}.{name}"
            container = container.rpartition(".")[0]
        yield name

    def _adapted(self, resolver: Resolver) -> Run:
        return (lambda activation: resolver(activation.context)) if self.inside_activation else resolver

    def _whole(self, lookup: Lookup) -> Run:
        resolver, get = lookup.resolver, lookup.get

        def whole(context: Any) -> OpenMap:
            return OpenMap(resolver(context) or {}, None if get is None else partial(get, context))

        return self._adapted(whole)

    def _one(self, lookup: Lookup, key: str) -> Run:
        get, run = lookup.get, self._adapted(lookup.resolver)
        if get is None:
            return lambda context: _read(run(context), key)
        if self.inside_activation:
            return lambda activation: get(activation.context, key)
        return lambda context: get(context, key)


def _read(mapping: Mapping[str, Any] | None, key: str) -> Any:
    return None if mapping is None else mapping.get(key)


def _no_value(_: Any) -> Any:
    raise AssertionError("the compiler refuses a record where a value is needed")
