"""What a token must say, beyond being in order, to be good for an API."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from apim_sdk import Regex, Reject, errors

from apim_auth.claims import audience_of

__all__ = ["Requirements"]

Fits = Callable[[Any], bool]


class Requirements:
    """Audience and claims that a token must have, or must not have. Raises ValueError if they make no sense."""

    def __init__(self, audience: Collection[str], required: Mapping[str, Any], forbidden: Collection[str]) -> None:
        both = sorted(set(required) & set(forbidden))
        if both:
            raise ValueError(f"the claim {both[0]!r} is both required and forbidden")
        self._audience = frozenset(audience)
        self._required = tuple((name, _fits(name, wanted)) for name, wanted in required.items())
        self._forbidden = tuple(forbidden)

    def check(self, claims: Mapping[str, Any]) -> None:
        """Raises Reject unless the token is for this API: 403, for it is in order but not good for this."""
        audience = self._audience
        if audience and not any(isinstance(one, str) and one in audience for one in audience_of(claims)):
            raise Reject(errors.INVALID_AUDIENCE, detail="the token is for another audience")
        for name, fits in self._required:
            if claims.get(name) is None:
                raise Reject(errors.CLAIM_MISSING, detail=f"the token has no claim {name}")
            if not fits(claims[name]):
                raise Reject(errors.CLAIM_MISMATCH, detail=f"the claim {name} is not as required")
        for name in self._forbidden:
            if name in claims:
                raise Reject(errors.CLAIM_MISMATCH, detail=f"the token has the claim {name}, which it must not have")


def _fits(name: str, wanted: Any) -> Fits:
    """Whether a claim is as wanted: a value, one of several, text of a pattern, or anything at all."""
    if wanted is None:
        return lambda claim: True
    if isinstance(wanted, Mapping):
        if set(wanted) != {"pattern"} or not isinstance(wanted["pattern"], str):
            raise ValueError(f"the required claim {name!r} is a value, a list of values, or `{{pattern: ...}}`")
        pattern = Regex(wanted["pattern"])
        return lambda claim: any(isinstance(one, str) and pattern.fullmatch(one) for one in _all_of(claim))
    accepted = wanted if isinstance(wanted, (list, tuple)) else [wanted]
    return lambda claim: any(_same(one, value) for one in _all_of(claim) for value in accepted)


def _all_of(claim: Any) -> list[Any]:
    return claim if isinstance(claim, list) else [claim]


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: ``1`` is not ``true``, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
