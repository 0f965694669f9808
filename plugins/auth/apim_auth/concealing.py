"""Take credentials out of a request, and leave the rest of it as it is written."""

from __future__ import annotations

from urllib.parse import unquote_plus

from apim_sdk import Request

__all__ = ["remove_cookie", "remove_parameter"]


def remove_parameter(request: Request, name: str) -> None:
    """Take a parameter out of the query, however often it is there."""
    parameters = request.query_string.split("&")
    kept = [text for text in parameters if unquote_plus(text.partition("=")[0]) != name]
    if len(kept) < len(parameters):
        request.query_string = "&".join(kept)


def remove_cookie(request: Request, name: str) -> None:
    """Take a cookie out of the request, however often it is there."""
    lines = request.headers.get_all("Cookie")
    if not lines:
        return
    pairs = [pair.strip() for line in lines for pair in line.split(";")]
    kept = [pair for pair in pairs if pair and pair.partition("=")[0].strip() != name]
    request.headers.remove("Cookie")
    if kept:
        request.headers.set("Cookie", "; ".join(kept))
