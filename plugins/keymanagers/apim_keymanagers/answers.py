"""What authorization servers answer: JSON objects of known members, and refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from apim_sdk import Fetched, KeyManagerError

__all__ = ["BadAnswer", "json_object", "member", "parse_object", "refusal", "refuse"]

Kind = TypeVar("Kind")

_LONGEST = 500
"""How much of a server's own words is repeated, in characters."""


class BadAnswer(ConnectionError):
    """A server answered, but not as its protocol has it: it is as good as away."""


def parse_object(document: bytes) -> dict[str, Any]:
    """A JSON object (RFC 8259, section 4). Raises ValueError for anything else, and for what is nested too deep."""
    try:
        content = json.loads(document.decode(), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004  # of a document
    return content


def json_object(answer: Fetched, place: str) -> dict[str, Any]:
    """The JSON object that a server answered with; empty where it answered with nothing.

    Raises KeyManagerError where it refuses, and BadAnswer where it fails or makes no sense. 429 counts as failing: the
    same request is not wrong a moment later.
    """
    if answer.status >= 500 or answer.status == 429 or 300 <= answer.status < 400:
        raise BadAnswer(f"{place} answers {answer.status}")
    if answer.status >= 400:
        refuse(answer, place)
    if not answer.body.strip():
        return {}
    try:
        return parse_object(answer.body)
    except ValueError as error:
        raise BadAnswer(f"{place} answers what is no JSON object: {error}") from error


def refuse(answer: Fetched, place: str) -> NoReturn:
    """Raise the KeyManagerError that an answer with an error status stands for (RFC 6749, section 5.2)."""
    try:
        content = parse_object(answer.body)
    except ValueError:
        content = {}
    raise refusal(answer.status, content, place)


def refusal(status: int, content: Any, place: str) -> KeyManagerError:
    """The error in an answer, in the forms that servers have for it.

    ``error`` and ``error_description`` (RFC 6749, section 5.2), ``error`` with ``code`` and ``message`` (OData 4.01),
    ``errorCode`` with ``errorSummary`` (Okta) or ``message`` (Auth0), ``errorMessage`` (Keycloak), ``code`` with
    ``message`` and ``description`` (WSO2), ``detail`` with ``scimType`` (RFC 7644, section 3.12).
    """
    found = content if isinstance(content, Mapping) else {}
    inner = found.get("error")
    if isinstance(inner, Mapping):
        error, said = inner.get("code"), inner.get("message")
    else:
        error = _first(found, "errorCode", "error", "code", "scimType")
        said = _first(found, "error_description", "errorSummary", "errorMessage", "description", "message", "detail")
    if not error:
        error = "invalid_client" if status == 401 else f"http_{status}"
    return KeyManagerError(str(error)[:_LONGEST], str(said or f"{place} refuses")[:_LONGEST], status=status)


def _first(content: Mapping[str, Any], *names: str) -> Any:
    return next((content[name] for name in names if content.get(name)), None)


def member(content: Mapping[str, Any], name: str, kind: type[Kind], place: str) -> Kind | None:
    """A member of an answer, None if it is absent. Raises BadAnswer if it is of another type."""
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise BadAnswer(f"{place} answers a {name} that is no {kind.__name__}")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
