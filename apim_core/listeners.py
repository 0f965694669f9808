"""Listeners: from what the configuration says to sockets and the settings of the wire."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator

from apim_core.config import Configuration, Problem
from apim_core.config.server import Listener, Tls
from apim_core.http.settings import BACKLOG, CertificateSettings, ServerSettings, TLSSettings
from apim_core.http.tls import Certificates

__all__ = ["certificate_problems", "open_sockets", "server_settings", "via_name"]


def open_sockets(configuration: Configuration, *, for_worker: bool = False) -> list[socket.socket]:
    """A listening socket for each listener. Raises OSError naming the address that cannot be had.

    Those of a worker share their address with those of other workers, and do not listen before the worker itself makes
    them: until it can serve, the kernel gives its connections to the others.
    """
    opened: list[socket.socket] = []
    try:
        opened.extend(_open(listener, for_worker) for listener in configuration.listen)
    except OSError:
        for each in opened:
            each.close()
        raise
    return opened


def _open(listener: Listener, for_worker: bool) -> socket.socket:
    address = listener.address
    try:
        family, kind, protocol, _, sockaddr = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if for_worker:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind(sockaddr)
            if not for_worker:
                made.listen(BACKLOG)
            made.setblocking(False)
        except BaseException:
            made.close()
            raise
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror or error}") from error
    return made


def server_settings(configuration: Configuration, listener: Listener) -> ServerSettings:
    """The wire's settings for one listener."""
    return ServerSettings(
        limits=listener.limits or configuration.limits,
        timeouts=listener.timeouts or configuration.timeouts,
        tls=None if listener.tls is None else _tls(listener.tls),
        trusted_proxies=configuration.trusted_proxies,
        forwarding_header=configuration.forwarding_header,
        proxy_protocol=configuration.trusted_proxies if listener.proxy_protocol else (),
        guarded_headers=configuration.guarded_headers,
        name=via_name(configuration),
    )


def _tls(tls: Tls) -> TLSSettings:
    chosen = tls.client_certificate or ("none" if tls.client_ca is None else "required")
    return TLSSettings(
        certificates=(
            CertificateSettings(str(tls.certificate), str(tls.key)),
            *(CertificateSettings(str(each.certificate), str(each.key), each.hosts) for each in tls.sni),
        ),
        client_certificate=chosen,
        client_ca=None if tls.client_ca is None else str(tls.client_ca),
        minimum_version=tls.minimum_version,
    )


def certificate_problems(configuration: Configuration) -> Iterator[Problem]:
    """What is wrong with the certificates of listeners, whose files are read as a start reads them."""
    for listener in configuration.listen:
        if listener.tls is None:
            continue
        source = listener.source
        unreadable = tuple(_unreadable(listener.tls))
        for part, reason in unreadable:
            yield Problem(source.file, None, None, f"{source.pointer}/tls{part}", reason)
        if not unreadable:
            try:
                Certificates(_tls(listener.tls))
            except (OSError, ValueError) as error:
                message = f"the certificates of {listener.address} cannot be used: {error}"
                hint = "a certificate and its key must be PEM and belong together, the key without a password"
                yield Problem(source.file, None, None, f"{source.pointer}/tls", message, hint)


def _unreadable(tls: Tls) -> Iterator[tuple[str, str]]:
    """Files that cannot be read: the pointer below ``tls``, and why."""
    files = [("/certificate", tls.certificate), ("/key", tls.key)]
    if tls.client_ca is not None:
        files.append(("/client_ca", tls.client_ca))
    for index, each in enumerate(tls.sni):
        files += [(f"/sni/{index}/certificate", each.certificate), (f"/sni/{index}/key", each.key)]
    for pointer, path in files:
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            yield pointer, f"{path} cannot be read: {error.strerror}"


def via_name(configuration: Configuration) -> str:
    """This gateway in Via: the same in all workers of a host, without telling backends the host's name."""
    return configuration.via or "apim-" + hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]
