"""Guesses what a misspelt name was meant to be."""

import difflib
from collections.abc import Iterable


def did_you_mean(wrong: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """A hint that names the closest known name; `otherwise` if none is close."""
    names = list(known)
    same = [name for name in names if name.lower() == wrong.lower()]
    close = same or difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else otherwise
