"""The engine that the SDK finds: compiles the texts of a configuration, and builds plugins out of settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import re2  # type: ignore[import-untyped]  # its wheel ships no stubs

from apim_core.expressions import Program, Template
from apim_core.message_variables import Passing, message_environment
from apim_core.variables import READS_REQUEST_BODY, READS_RESPONSE_BODY, environment

if TYPE_CHECKING:
    from apim_sdk.engine import Engine
    from apim_sdk.exchange import Exchange
    from apim_sdk.fields import CompiledPattern
    from apim_sdk.streams import Message

__all__ = ["engine"]


@attrs.frozen
class _Compiled:
    evaluate: Callable[[Exchange], Any]
    reads_body: bool


class _Engine:
    """See ``apim_sdk.engine.Engine``, the protocol that this fulfils."""

    def expression(self, source: str) -> _Compiled:
        program = environment().compile(source)
        return _Compiled(program.evaluate, _reads_body(program))

    def message_expression(self, source: str) -> Callable[[Exchange, Message], Any]:
        program = message_environment().compile(source)
        if _reads_body(program):
            raise ValueError(f"{source!r} reads a body, and a stream has none: read message.text or message.json")
        evaluate = program.evaluate
        return lambda exchange, message: evaluate(Passing(exchange, message))

    def template(self, source: str) -> _Compiled:
        template = environment().template(source)
        return _Compiled(template.render, _reads_body(template))

    def regex(self, source: str) -> CompiledPattern:
        options = re2.Options()
        options.log_errors = False
        try:
            pattern: CompiledPattern = re2.compile(source, options)
        except re2.error as error:
            text = error.args[0] if error.args else error
            reason = text.decode() if isinstance(text, bytes) else str(text)
            raise ValueError(f"{source!r} is no regular expression in RE2 syntax: {reason}") from error
        return pattern

    def structure(self, settings: Any, cls: type[Any]) -> Any:
        from apim_core.config import structure  # the configuration needs the SDK, which needs this module

        return structure(settings, cls)

    def schema(self, cls: type[Any]) -> Mapping[str, Any]:
        from apim_core.schema import json_schema  # asked for by documentation and tests only

        return json_schema(cls)


def engine() -> Engine:
    """The engine; it holds no state."""
    return _Engine()


def _reads_body(compiled: Program | Template) -> bool:
    return bool({READS_REQUEST_BODY, READS_RESPONSE_BODY} & compiled.references)
