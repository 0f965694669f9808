"""Trust PingFederate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk import ClientField

from apim_keymanagers.client_fields import CERTIFICATE_BOUND, RESPONSE_TYPES
from apim_keymanagers.oidc import OIDC

__all__ = ["Ping"]


@attrs.frozen
class Ping(OIDC):
    """Trusts PingFederate, whose access tokens are JSON Web Tokens or opaque, and registers clients there.

    The issuer is its base URL. Clients are registered where the server lets that happen, with an initial access token
    (`registration`) if it wants one.
    """

    example: ClassVar[Any] = {
        "issuer": "https://ping.example:9031",
        "credentials": {"id": "gateway", "secret": "the secret of gateway"},
    }
    client_fields: ClassVar[tuple[ClientField, ...]] = (RESPONSE_TYPES, CERTIFICATE_BOUND)

    client_id_claim: str | None = "client_id"  # type: ignore[misc]  # an option here
    """Claim that names the client."""

    def _usual(self) -> Mapping[str, str]:
        base = self.issuer.rstrip("/")
        return {
            "authorization_endpoint": f"{base}/as/authorization.oauth2",
            "token_endpoint": f"{base}/as/token.oauth2",
            "introspection_endpoint": f"{base}/as/introspect.oauth2",
            "revocation_endpoint": f"{base}/as/revoke_token.oauth2",
            "registration_endpoint": f"{base}/as/clients.oauth2",
            "jwks_uri": f"{base}/pf/JWKS",
        }
