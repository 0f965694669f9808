"""Expressions in CEL (Common Expression Language) and templates, compiled to Python closures.

    request = Record({"method": read_method, "headers": Lookup(read_headers)})
    environment = Environment({"request": request})
    condition = environment.compile("request.method == 'GET' && request.headers['x-tier'] == 'gold'")
    condition.test(exchange)

From text to closures: `lexer`, `parser`, `compiler`. What values are: `values`. What can be called: `functions`.
"""

from apim_core.expressions.environment import Environment
from apim_core.expressions.errors import EvaluationError, ExpressionError
from apim_core.expressions.limits import Limits
from apim_core.expressions.program import Program
from apim_core.expressions.templates import Template
from apim_core.expressions.variables import Lookup, Record, Variable

__all__ = [
    "Environment",
    "EvaluationError",
    "ExpressionError",
    "Limits",
    "Lookup",
    "Program",
    "Record",
    "Template",
    "Variable",
]
