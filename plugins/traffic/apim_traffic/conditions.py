"""Conditions that operators write: CEL expressions that are true or false."""

from __future__ import annotations

from apim_sdk import EvaluationError, Exchange, Expression, Fault, errors

__all__ = ["holds"]


def holds(condition: Expression | None, exchange: Exchange) -> bool:
    """Whether a condition holds; one that is not there does not. Raises Fault where it has an error."""
    if condition is None:
        return False
    try:
        value = condition.evaluate(exchange)
    except EvaluationError as error:
        raise Fault(errors.CONDITION_FAILURE, detail=f"{condition.source}: {error}") from error
    if value is True or value is False:
        return value
    raise Fault(errors.CONDITION_FAILURE, detail=f"{condition.source} is {type(value).__name__}, not true or false")
