"""What the server says of itself (RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from apim_keymanagers.resident.clients import AUTH_METHODS
from apim_keymanagers.resident.device import DEVICE_GRANT

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["metadata_of"]

_SIGNING: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")


async def metadata_of(server: Server) -> dict[str, Any]:
    """The metadata document."""
    settings = server.settings
    grants = list(settings.grants)
    document: dict[str, Any] = {
        "issuer": server.issuer,
        "token_endpoint": server.url("/token"),
        "jwks_uri": server.url("/jwks"),
        "introspection_endpoint": server.url("/introspect"),
        "revocation_endpoint": server.url("/revoke"),
        "userinfo_endpoint": server.url("/userinfo"),
        "scopes_supported": sorted(await server.scopes.known()),
        "grant_types_supported": grants,
        "response_types_supported": ["code"] if "authorization_code" in grants else [],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [settings.algorithm],
        "code_challenge_methods_supported": ["S256", "plain"] if settings.allow_plain_pkce else ["S256"],
        "dpop_signing_alg_values_supported": list(_SIGNING),
        "authorization_response_iss_parameter_supported": True,
        "tls_client_certificate_bound_access_tokens": True,
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "name", "email", "roles"],
    }
    for endpoint in ("token", "introspection", "revocation"):
        methods = [method for method in AUTH_METHODS if endpoint != "introspection" or method != "none"]
        document[f"{endpoint}_endpoint_auth_methods_supported"] = methods
        document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = list(_SIGNING)
    if "authorization_code" in grants:
        document["authorization_endpoint"] = server.url("/authorize")
        document["pushed_authorization_request_endpoint"] = server.url("/par")
        document["require_pushed_authorization_requests"] = settings.require_pushed_requests
    if DEVICE_GRANT in grants:
        document["device_authorization_endpoint"] = server.url("/device_authorization")
    registration = settings.registration
    if registration.open or registration.roles or registration.initial_access_token:
        document["registration_endpoint"] = server.url("/register")
    return document
