"""Whoever is listed in ``client_ca`` vouches: a root, an intermediate without its root, a certificate for itself."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.certificates import new_certificate
from support.client_certificates import Issued, issue

from apim_core.http.settings import CertificateSettings, TLSSettings
from apim_core.http.tls import Certificates

ROOT = issue("Root", authority=True, days=36500)
BELOW = issue("Below", ROOT, authority=True, days=36500)
DEEP = issue("deep", BELOW, days=36500)
SELF = issue("self", days=36500)
OLD = issue("old", days=1)


def shown(client: Issued, vouching: Sequence[Issued], folder: Path) -> bytes | None:
    """What a listener that asks for certificates gets to see of a client's; None if it refuses."""
    new_certificate(folder / "server.pem", folder / "server.key")
    (folder / "clients.pem").write_bytes(b"".join(each.pem for each in vouching))
    own = CertificateSettings(str(folder / "server.pem"), str(folder / "server.key"))
    settings = TLSSettings((own,), client_certificate="optional", client_ca=str(folder / "clients.pem"))
    seen: list[bytes | None] = []
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            with Certificates(settings).context.wrap_socket(near, server_side=True) as connection:
                seen.append(connection.getpeercert(binary_form=True))
        except ssl.SSLError:
            near.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.connecting(folder).wrap_socket(far) as connection:
            connection.recv(1)
    except (ssl.SSLError, ConnectionError):
        far.close()
    thread.join()
    return seen[0] if seen else None


@pytest.mark.parametrize(
    ("client", "vouching"),
    [(DEEP, [ROOT, BELOW]), (DEEP, [BELOW]), (DEEP, [DEEP]), (SELF, [SELF]), (SELF, [ROOT, SELF])],
    ids=["root and intermediate", "intermediate", "itself", "itself, self-signed", "among others"],
)
def test_who_is_listed_vouches(client: Issued, vouching: Sequence[Issued], tmp_path: Path) -> None:
    assert client.der == shown(client, vouching, tmp_path)


@pytest.mark.parametrize(
    ("client", "vouching"),
    [(DEEP, [ROOT]), (SELF, [ROOT]), (DEEP, [SELF]), (issue("under", SELF, days=36500), [SELF]), (OLD, [OLD])],
    ids=["a link is missing", "another root", "another certificate", "below a client", "out of date"],
)
def test_nobody_else_does(client: Issued, vouching: Sequence[Issued], tmp_path: Path) -> None:
    assert shown(client, vouching, tmp_path) is None
