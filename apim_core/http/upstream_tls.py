"""TLS to a backend: the context that checks its certificate and shows ours."""

from __future__ import annotations

import ssl

from apim_core.http.upstream_settings import UpstreamTLS

__all__ = ["client_context"]


def client_context(settings: UpstreamTLS) -> ssl.SSLContext:
    """A context for connections to one backend. Raises ValueError naming the file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(cafile=settings.ca)
        except (OSError, ssl.SSLError) as error:
            raise ValueError(
                f"the CA file {settings.ca} cannot be used: {error}; it must hold PEM certificates"
            ) from error
    if settings.certificate is not None:
        password = settings.key_password
        try:
            context.load_cert_chain(settings.certificate, settings.key, None if password is None else password.reveal)
        except (OSError, ssl.SSLError) as error:
            raise ValueError(
                f"the client certificate {settings.certificate} (key {settings.key or 'in the same file'}) cannot be "
                f"used: {error}; certificate and key must be PEM and belong together"
            ) from error
    return context
