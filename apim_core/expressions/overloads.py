"""Functions with overloads: what the tables in `functions` are made of, and code that calls them.

A function is chosen by its name, by whether it is called on a target (`text.size()`) or not (`size(text)`), and by the
number of its arguments; its implementation then by the types of the argument values. The target is the first argument.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from apim_core.expressions.code import Code, Run, folded
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import DYN, Type
from apim_core.expressions.values import REPRESENTATIONS, native, type_of

Implementation = Callable[..., Any]


@attrs.frozen
class Overload:
    """One signature of a function and what computes it, on values in their `REPRESENTATIONS`."""

    name: str
    is_method: bool
    parameters: tuple[Type, ...]
    result: Type
    implementation: Implementation


def function(name: str, parameters: tuple[Type, ...], result: Type, implementation: Implementation) -> Overload:
    """An overload that is called as `name(a, b)`; the name may be dotted."""
    return Overload(name, False, parameters, result, implementation)


def method(name: str, parameters: tuple[Type, ...], result: Type, implementation: Implementation) -> Overload:
    """An overload that is called as `a.name(b)`."""
    return Overload(name, True, parameters, result, implementation)


@attrs.frozen(eq=False)
class Function:
    """The overloads of one name, style and number of arguments."""

    name: str
    overloads: tuple[Overload, ...]
    by_class: Mapping[Any, Implementation]
    """By the Python type of the argument, or the tuple of these for several; lacks overloads that take any type."""

    @property
    def result(self) -> Type | None:
        """The type of all results, if all overloads agree."""
        results = {overload.result for overload in self.overloads}
        kind = results.pop()
        return None if results or kind is DYN else kind

    def call(self, *arguments: Any) -> Any:
        """Apply it to values of any representation; an `EvaluationError` if no overload takes them."""
        values = tuple(map(native, arguments))
        kinds = tuple(map(type_of, values))
        for overload in self.overloads:
            if all(want is DYN or want is kind for want, kind in zip(overload.parameters, kinds, strict=True)):
                return overload.implementation(*values)
        raise EvaluationError(f"no such overload: {self._spelt([kind.name for kind in kinds])}")

    def _spelt(self, arguments: list[str]) -> str:
        if self.name == "-_":
            return f"-{arguments[0]}"
        if "_" in self.name:
            return self.name.replace("_", " {} ").strip().format(*arguments)
        if self.overloads[0].is_method:
            return f"{arguments[0]}.{self.name}({', '.join(arguments[1:])})"
        return f"{self.name}({', '.join(arguments)})"


@attrs.frozen(eq=False)
class Library:
    """All functions that expressions can call."""

    functions: Mapping[tuple[str, bool, int], Function]
    """By name, whether it is a method, and number of arguments including the target."""

    @classmethod
    def of(cls, overloads: Iterable[Overload]) -> "Library":
        groups: dict[tuple[str, bool, int], list[Overload]] = {}
        for overload in overloads:
            key = (overload.name, overload.is_method, len(overload.parameters))
            groups.setdefault(key, []).append(overload)
        return cls({key: Function(key[0], tuple(group), _by_class(group)) for key, group in groups.items()})

    def find(self, name: str, arguments: int, *, is_method: bool) -> Function | None:
        return self.functions.get((name, is_method, arguments))

    def arities(self, name: str, *, is_method: bool) -> list[int]:
        """With how many arguments the name can be called, the target not counted."""
        return sorted(key[2] - is_method for key in self.functions if key[:2] == (name, is_method))

    def has_namespace(self, prefix: str) -> bool:
        """Whether there are functions whose names start with this, such as `math.`."""
        return any(name.startswith(prefix) for name, _, _ in self.functions)

    def names(self, *, is_method: bool) -> list[str]:
        return sorted({key[0] for key in self.functions if key[1] is is_method})


def _by_class(overloads: Iterable[Overload]) -> Mapping[Any, Implementation]:
    table: dict[Any, Implementation] = {}
    for overload in overloads:
        if DYN not in overload.parameters:
            held = [REPRESENTATIONS[kind] for kind in overload.parameters]
            for classes in itertools.product(*held):
                table[classes[0] if len(classes) == 1 else classes] = overload.implementation
    return table


def call(called: Function, arguments: tuple[Code, ...]) -> Code:
    """The code of a call, evaluated at once if all arguments are constants."""
    code = Code(_run_of(called, arguments), called.result)
    return folded(code) if all(argument.is_constant for argument in arguments) else code


def _run_of(called: Function, arguments: tuple[Code, ...]) -> Run:
    runs = tuple(argument.run for argument in arguments)
    if len(runs) == 1:
        return _call_with_one(called, runs[0])
    if len(runs) == 2 and arguments[1].is_constant:
        return _call_with_constant(called, runs[0], arguments[1].constant)
    if len(runs) == 2:
        return _call_with_two(called, *runs)
    return lambda context: called.call(*[run(context) for run in runs])


def _call_with_one(called: Function, run: Run) -> Run:
    by_class, call_any = called.by_class, called.call

    def call_with_one(context: Any) -> Any:
        value = run(context)
        implementation = by_class.get(type(value))
        return call_any(value) if implementation is None else implementation(value)

    return call_with_one


def _call_with_constant(called: Function, run: Run, second: Any) -> Run:
    call_any, kind = called.call, type(second)
    by_first = {classes[0]: implementation for classes, implementation in called.by_class.items() if classes[1] is kind}

    def call_with_constant(context: Any) -> Any:
        value = run(context)
        implementation = by_first.get(type(value))
        return call_any(value, second) if implementation is None else implementation(value, second)

    return call_with_constant


def _call_with_two(called: Function, first: Run, second: Run) -> Run:
    by_class, call_any = called.by_class, called.call

    def call_with_two(context: Any) -> Any:
        one, other = first(context), second(context)
        implementation = by_class.get((type(one), type(other)))
        return call_any(one, other) if implementation is None else implementation(one, other)

    return call_with_two
