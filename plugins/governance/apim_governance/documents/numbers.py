"""Numbers with a point or an exponent, as JavaScript has them: those that are whole are integers."""

from __future__ import annotations

__all__ = ["number"]


def number(text: str) -> int | float:
    """``1.50`` is 1.5; ``1.0`` and ``1e3`` are 1 and 1000."""
    read = float(text)
    return int(read) if read.is_integer() and abs(read) < 2**53 else read
