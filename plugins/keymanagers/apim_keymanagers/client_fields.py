"""Settings of a client that any standards-following server knows (RFC 7591, section 2; OpenID Connect Registration)."""

from __future__ import annotations

from typing import Final

from apim_sdk import ClientField

__all__ = ["APPLICATION_TYPE", "CERTIFICATE_BOUND", "RESPONSE_TYPES", "STANDARD", "SUBJECT_TYPE"]

RESPONSE_TYPES: Final = ClientField(
    "response_types", "Response types", "What the client asks of the authorization endpoint.", "list"
)
APPLICATION_TYPE: Final = ClientField(
    "application_type", "Kind of application", "", "choice", default="web", values=("web", "native")
)
SUBJECT_TYPE: Final = ClientField(
    "subject_type",
    "Kind of subject",
    "Whether users go by the same name at all clients, or by another at each.",
    "choice",
    default="public",
    values=("public", "pairwise"),
)
CERTIFICATE_BOUND: Final = ClientField(
    "tls_client_certificate_bound_access_tokens",
    "Certificate-bound tokens",
    "Tokens hold only together with the client's certificate (RFC 8705, section 3).",
    "boolean",
    default=False,
)

STANDARD: Final = (
    RESPONSE_TYPES,
    APPLICATION_TYPE,
    SUBJECT_TYPE,
    CERTIFICATE_BOUND,
    ClientField(
        "dpop_bound_access_tokens",
        "DPoP-bound tokens",
        "Tokens hold only together with a key of the client (RFC 9449, section 5.2).",
        "boolean",
        default=False,
    ),
    ClientField("client_uri", "Home page", "Web page of the client."),
    ClientField("contacts", "Contacts", "Mail addresses of who answers for the client.", "list"),
    ClientField("jwks_uri", "Keys", "Where the client publishes its own keys (RFC 7517)."),
    ClientField("tls_client_auth_subject_dn", "Certificate subject", "Its certificate's subject (RFC 8705, 2.1.2)."),
)
