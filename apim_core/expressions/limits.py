"""Bounds on the text of an expression and on the work that one evaluation may do."""

import attrs

MAXIMUM_RESULT_LENGTH = 1024 * 1024
"""Characters, bytes or elements that one operation (`+`, `replace`, `join`, `format` ...) may produce."""


@attrs.frozen
class Limits:
    """How large an expression may be and how long it may run."""

    source_length: int = 16_384
    """Characters of an expression."""
    template_length: int = 262_144
    """Characters of a template with expressions; without, there is no bound."""
    nesting: int = 100
    """Depth of brackets, calls, selections and chains of one operator, of which each operand counts as a level."""
    literal_elements: int = 1_024
    """Elements of one list or map literal, and arguments of one call."""
    iterations: int = 10_000
    """Elements that all macros (`all`, `exists`, `map` ...) of one evaluation may visit together."""
