"""Faults as clients see them: the JSON body of an error, or the template that an operator put in its place.

Shapes are those of WSO2 API Manager (``code``, ``message``, ``description``), so that its clients keep working.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs
from apim_sdk.errors import Fault
from apim_sdk.exchange import Exchange
from apim_sdk.fields import Template
from apim_sdk.headers import Headers
from apim_sdk.messages import Response

__all__ = ["DEFAULT", "FaultTemplate", "FaultTemplates", "render", "response_of"]

DEFAULT = "DEFAULT"


@attrs.frozen
class FaultTemplate:
    """What replaces the answer to one kind of error; None keeps what the gateway would send."""

    status: int | None
    headers: tuple[tuple[str, Template], ...]
    body: Template | None
    content_type: str


FaultTemplates = Mapping[str, FaultTemplate]
"""Templates by error key, by error code, or ``DEFAULT``."""


def response_of(fault: Fault) -> Response:
    """The built-in answer to a fault."""
    kind = fault.kind
    body: dict[str, object] = {"code": kind.code}
    if kind.code == str(kind.status):
        body["type"] = "Status report"
    body["message"] = kind.message
    if fault.description:
        body["description"] = fault.description
    body.update(fault.fields)
    headers = Headers([("Content-Type", "application/json; charset=UTF-8")])
    for name, value in fault.headers.items():
        headers.set(name, value)
    return Response(kind.status, headers, json.dumps(body, ensure_ascii=False).encode())


def render(fault: Fault, exchange: Exchange, levels: tuple[FaultTemplates, ...]) -> Response:
    """The answer to a fault; the first level that has a template for it decides, the API's before the gateway's."""
    response = response_of(fault)
    for templates in levels:
        template = templates.get(fault.kind.key) or templates.get(fault.kind.code) or templates.get(DEFAULT)
        if template is not None:
            _apply(template, response, exchange)
            break
    return response


def _apply(template: FaultTemplate, response: Response, exchange: Exchange) -> None:
    headers = response.headers.copy()
    try:
        body = None if template.body is None else template.body.render(exchange).encode()
        if body is not None:
            headers.set("Content-Type", template.content_type)
        for name, value in template.headers:
            headers.set(name, value.render(exchange))
    except ValueError as error:  # an EvaluationError, or a value that no header may hold
        if exchange.fault is not None:
            exchange.fault.detail = f"{exchange.fault.detail or ''} [response template: {error}]".strip()
        return
    if template.status is not None:
        response.status = template.status
    if body is not None:
        response.body.replace(body)
    response.headers = headers
