"""Routing: from host, path and method of a request to the one operation that serves it.

A request belongs to exactly one *place*, a host pattern and a context: exact host before wildcard before any, then the
longest context that is a prefix of the path by whole segments. The place decides alone: a path that it does not know
is a 404 there and never falls back to a shorter context. So an API fences off what stands under its context, a
catch-all API cannot become a way around it, and adding an API changes nothing outside its own host and context.

Inside a place the most specific operation that takes the method wins, segment by segment from the left: literal,
then literal with parameters (``{name}.json``), then parameter, then any rest (``/*``, which takes no rest too); at
the same template the exact method comes before ``*``. A trailing slash makes no difference.
"""

from apim_core.routing.near import Near, near
from apim_core.routing.route import DuplicateRoutesError, Match, NotAllowed, Route
from apim_core.routing.router import Router
from apim_core.routing.template import Template, TemplateError

__all__ = [
    "DuplicateRoutesError",
    "Match",
    "Near",
    "NotAllowed",
    "Route",
    "Router",
    "Template",
    "TemplateError",
    "near",
]
