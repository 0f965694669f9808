"""What an application may know of the user who let it in (OpenID Connect Core, section 5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.granting import about

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["bearer_token", "userinfo_answer"]


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header. Raises OAuthError."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _refused("invalid_token" if authorization else "", "a bearer token is needed", 401)
    return token.strip()


async def userinfo_answer(server: Server, token: str) -> dict[str, Any]:
    """The claims that the token's scopes permit. Raises OAuthError (RFC 6750, section 3.1)."""
    claims = await server.tokens.introspect(token)
    if claims is None or "cnf" in claims:
        raise _refused("invalid_token", "the token is not good", 401)
    scopes = tuple(claims["scope"].split())
    if "openid" not in scopes or claims["aut"] != "APPLICATION_USER":
        raise _refused("insufficient_scope", "the scope openid is needed", 403)
    user = await server.users.find(claims["sub"])
    if user is None:
        raise _refused("invalid_token", "the user is gone", 401)
    return {**about(user, scopes), "sub": user.name}


def _refused(error: str, description: str, status: int) -> OAuthError:
    challenge = f'Bearer error="{error}", error_description="{description}"' if error else "Bearer"
    return OAuthError(error or "invalid_request", description, status=status, headers={"WWW-Authenticate": challenge})
