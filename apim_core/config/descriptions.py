"""Descriptions of fields: the docstring that stands under a field in the source of its class.

Python drops those docstrings, so they are read from the source, and only when somebody asks.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

__all__ = ["description_of", "descriptions_of"]


@cache
def descriptions_of(cls: type[Any]) -> Mapping[str, str]:
    """The description of every field of a class that has one, by the field's name; inherited ones included."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        found.update(_own(base))
    return MappingProxyType(found)


def description_of(cls: type[Any]) -> str:
    """The class's own docstring, without its indentation; empty when it has none."""
    return inspect.cleandoc(cls.__dict__.get("__doc__") or "")


def _own(cls: type[Any]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # built in, or made at run time: there is no source to read
        return {}
    (definition,) = tree.body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
