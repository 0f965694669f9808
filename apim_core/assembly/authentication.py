"""A plan's way in, where it is more than one authenticator.

    any: [A, B]        a good credential of one of them
    all: [A, B]        good credentials of all of them
    optional: A        inside `all`: nothing is lost without it, or with a bad one

Whatever is nested becomes a list of alternatives, each of which wants all of its authenticators; a plan tries them in
order as if each were a plan of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from apim_sdk.authenticator import Authenticator

from apim_core.config import PluginReference, SourceRef
from apim_core.config.combinations import members_of
from apim_core.config.hooks import Refused

__all__ = ["alternatives"]

Alternative = tuple[Authenticator, ...]
Note = Callable[[SourceRef, str, str], None]

_MOST = 32
"""Alternatives of one plan; a request may try them all."""


def alternatives(
    reference: PluginReference, build: Callable[[PluginReference], Authenticator | None], note: Note
) -> Sequence[Alternative]:
    """The alternatives of a plan; ``build`` makes each authenticator once, ``note`` is told what cannot be meant."""
    found = _alternatives(reference, build, note)
    if len(found) > _MOST:
        note(reference.source, f"this makes {len(found)} alternatives, of at most {_MOST}", "make it several plans")
        return ()
    combined = [each for each in found if len(each) > 1]
    if any(member.anonymous for each in combined for member in each):
        note(
            reference.source,
            "an authenticator that lets everybody in cannot be combined with others",
            "make it a plan of its own",
        )
        return ()
    return [each for each in found if each]


def _alternatives(
    reference: PluginReference, build: Callable[[PluginReference], Authenticator | None], note: Note
) -> list[Alternative]:
    try:
        members = members_of(reference)
    except Refused as error:
        note(reference.source, str(error), error.hint or "")
        return []
    if members is None:
        built = build(reference)
        return [] if built is None else [(built,)]
    parts = [_alternatives(member, build, note) for member in members]
    if reference.name == "any":
        return [alternative for part in parts for alternative in part]
    if reference.name == "optional":
        return [*parts[0], ()]
    return [tuple(each for part in choice for each in part) for choice in product(*parts)]
