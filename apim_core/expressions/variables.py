"""What an expression can see: variables are resolvers from a context object to a value, and groups of them."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

Resolver = Callable[[Any], Any]
"""Gives a variable's value for the context object of one evaluation."""


@attrs.frozen(eq=False)
class Lookup:
    """An open string-keyed map (headers, query parameters, token claims), in which an absent key reads as null.

    A deviation from CEL, where it is an error: `!(request.headers['x-internal'] == 'yes')` must hold for a request
    without the header, not fail in a way that the client can bring about. In the same spirit a key that holds null is
    absent for `in`, `has()` and `[?key]`.
    """

    resolver: Callable[[Any], Mapping[str, Any] | None]
    """Gives the whole map; None counts as an empty one."""
    get: Callable[[Any, str], Any] | None = None
    """Gives what one key holds, or None; used where one key is asked for. It may know more keys than the whole map,
    such as header names in any case."""


@attrs.frozen(eq=False)
class Record:
    """A fixed set of fields; naming any other one is an error when the expression is compiled."""

    fields: "Mapping[str, Variable]"


Variable = Resolver | Record | Lookup
