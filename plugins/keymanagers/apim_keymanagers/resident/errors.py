"""What the server refuses, in the words of the standards."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from apim_sdk import KeyManagerError

__all__ = ["OAuthError", "invalid_client", "invalid_grant", "invalid_request"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class OAuthError(KeyManagerError):
    """An error answer (RFC 6749, section 5.2). ``description`` is shown to the client: it holds nothing of a secret."""

    def __init__(
        self, error: str, description: str = "", *, status: int = 400, headers: Mapping[str, str] = _NOTHING
    ) -> None:
        super().__init__(error, description, status=status)
        self.headers = headers


def invalid_request(description: str) -> OAuthError:
    """The request lacks something, or has it twice."""
    return OAuthError("invalid_request", description)


def invalid_grant(description: str) -> OAuthError:
    """A code, token or password is not good, or not this client's."""
    return OAuthError("invalid_grant", description)


def invalid_client(description: str, *, challenge: bool = False) -> OAuthError:
    """Client authentication failed; ``challenge`` where it was by the Authorization header (RFC 6749, section 5.2)."""
    headers = {"WWW-Authenticate": 'Basic realm="authorization server", charset="UTF-8"'} if challenge else {}
    return OAuthError("invalid_client", description, status=401, headers=headers)
