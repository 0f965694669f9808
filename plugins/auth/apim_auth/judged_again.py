"""What is good once may be judged for several plans of one request."""

from __future__ import annotations

from typing import Final

from apim_sdk import Exchange

__all__ = ["first_use"]

_SLOT: Final = "apim.used-once"


def first_use(exchange: Exchange, what: bytes, *, first: bool) -> bool:
    """Whether nobody else has used it: it is the ``first`` use of it that a memory knows of, or this request's own.

    A plan that lets nobody in has used up what the next one judges. Each asks its memory all the same, which may be
    another one.
    """
    if first:
        exchange.variables.setdefault(_SLOT, set()).add(what)
        return True
    return what in exchange.variables.get(_SLOT, ())
