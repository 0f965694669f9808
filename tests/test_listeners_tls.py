"""TLS of listeners: certificates from the configuration, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from support.authority import Certificates, make_certificates
from support.gateway import configuration, registry_with, run
from support.listening import GET, PROXIED, Listening, Seen, served, text

from apim_core.config import ConfigErrors
from apim_core.gateway import Gateway


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


def named(folder: Path, name: str) -> Certificates:
    """An authority and a certificate in a folder of their own."""
    (folder / name).mkdir()
    return make_certificates(folder / name)


def trusting(certificates: Certificates, *, shown: Certificates | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates.ca))
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def secure(certificates: Certificates, rest: str = "") -> str:
    """A listener with a certificate, and perhaps more settings of its TLS."""
    files = f"certificate: '{certificates.certificate}', key: '{certificates.key}'"
    return f"{{address: '127.0.0.1:0', tls: {{{files}{rest}}}}}"


def tls(certificates: Certificates, rest: str = "") -> str:
    return text(secure(certificates, rest))


def test_a_listener_with_a_certificate_speaks_tls(tmp_path: Path, certificates: Certificates) -> None:
    async def scenario(gateway: Listening) -> Any:
        return await gateway.seen(tls=trusting(certificates), name="localhost")

    seen = served(tls(certificates), tmp_path, scenario)
    assert ("https", "localhost", "TLSv1.3") == (seen["scheme"], seen["server_name"], seen["tls"])


def test_paths_of_certificates_are_relative_to_the_configuration(tmp_path: Path, certificates: Certificates) -> None:
    relative = Certificates(Path("ca.pem"), Path("certificate.pem"), Path("key.pem"))

    async def scenario(gateway: Listening) -> Any:
        return await gateway.seen(tls=trusting(certificates), name="localhost")

    assert "https" == served(tls(relative), tmp_path, scenario)["scheme"]


def test_a_tls_listener_speaks_nothing_else(tmp_path: Path, certificates: Certificates) -> None:
    async def scenario(gateway: Listening) -> bytes:
        try:
            return await gateway.send(GET)
        except ConnectionError:
            return b""

    assert b"HTTP/1.1 200" not in served(tls(certificates), tmp_path, scenario)


def test_the_oldest_version_of_tls_is_the_configured_one(tmp_path: Path, certificates: Certificates) -> None:
    async def scenario(gateway: Listening) -> Any:
        old = trusting(certificates)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        return await gateway.seen(tls=old, name="localhost")

    assert "TLSv1.2" == served(tls(certificates), tmp_path, scenario)["tls"]
    with pytest.raises(OSError, match=r"SSL|^$"):  # an alert, or the connection is cut
        served(tls(certificates, ", minimum_version: '1.3'"), tmp_path, scenario)


def test_the_certificate_is_chosen_by_the_name_that_the_client_asks_for(
    tmp_path: Path, certificates: Certificates
) -> None:
    other = named(tmp_path, "other")
    sni = f", sni: [{{hosts: ['*.other.example'], certificate: '{other.certificate}', key: '{other.key}'}}]"

    async def scenario(gateway: Listening) -> list[str]:
        answers = []
        for trusted, name in ((other, "api.other.example"), (certificates, "localhost")):
            context = trusting(trusted)
            context.check_hostname = False
            answers.append((await gateway.seen(tls=context, name=name))["server_name"])
        with pytest.raises(ssl.SSLCertVerificationError):
            await gateway.seen(tls=trusting(other), name="localhost")
        return answers

    assert ["api.other.example", "localhost"] == served(tls(certificates, sni), tmp_path, scenario)


@pytest.mark.parametrize(("mode", "without"), [("", False), (", client_certificate: optional", True)])
def test_a_client_shows_a_certificate_where_an_authority_is_named(
    tmp_path: Path, certificates: Certificates, mode: str, without: bool
) -> None:
    clients = named(tmp_path, "clients")

    async def scenario(gateway: Listening) -> tuple[bool, bool]:
        with_one = await gateway.seen(tls=trusting(certificates, shown=clients), name="localhost")
        try:
            answer = await gateway.send(GET, trusting(certificates), "localhost")
        except (ssl.SSLError, ConnectionError):
            answer = b""
        return with_one["certificate"], b"HTTP/1.1 200" in answer

    written = tls(certificates, f", client_ca: '{clients.ca}'{mode}")
    assert (True, without) == served(written, tmp_path, scenario)


def test_a_certificate_of_another_authority_is_refused_even_where_none_is_required(
    tmp_path: Path, certificates: Certificates
) -> None:
    clients, strangers = named(tmp_path, "clients"), named(tmp_path, "strangers")

    async def scenario(gateway: Listening) -> bytes:
        try:
            return await gateway.send(GET, trusting(certificates, shown=strangers), "localhost")
        except (ssl.SSLError, ConnectionError):
            return b""

    written = tls(certificates, f", client_ca: '{clients.ca}', client_certificate: optional")
    assert b"" == served(written, tmp_path, scenario)


def test_each_listener_has_its_own_tls(tmp_path: Path, certificates: Certificates) -> None:
    async def scenario(gateway: Listening) -> list[str]:
        plain = await gateway.seen()
        return [plain["scheme"], (await gateway.seen(tls=trusting(certificates), name="localhost", at=1))["scheme"]]

    assert ["http", "https"] == served(text(f"['127.0.0.1:0', {secure(certificates)}]"), tmp_path, scenario)


def test_a_reload_reads_the_certificates_again(tmp_path: Path, certificates: Certificates) -> None:
    async def scenario(gateway: Listening) -> str:
        await gateway.seen(tls=trusting(certificates), name="localhost")
        make_certificates(tmp_path)
        await gateway.gateway.reload(configuration(tls(certificates), tmp_path))
        scheme: str = (await gateway.seen(tls=trusting(certificates), name="localhost"))["scheme"]
        return scheme

    assert "https" == served(tls(certificates), tmp_path, scenario)


def test_the_proxy_protocol_comes_before_tls(tmp_path: Path, certificates: Certificates) -> None:
    written = tls(certificates).replace("tls:", "proxy_protocol: true, tls:") + "trusted_proxies: [127.0.0.0/8]\n"

    def call(port: int) -> Any:
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            plain.sendall(PROXIED.removesuffix(GET))
            with trusting(certificates).wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(GET)
                answer = b"".join(iter(lambda: secure.recv(65536), b""))
                return json.loads(answer.partition(b"\r\n\r\n")[2])

    async def scenario(gateway: Listening) -> Any:
        return await asyncio.to_thread(call, gateway.ports[0])

    seen = served(written, tmp_path, scenario)
    assert ("192.0.2.7", "https") == (seen["address"], seen["scheme"])


# Files that cannot be used


def refused(written: str, folder: Path) -> list[str]:
    """What is said of a configuration whose certificates cannot be used, by whatever builds a snapshot."""

    async def scenario() -> list[str]:
        gateway = Gateway(structlog.wrap_logger(None, processors=[]), registry_with(seen=Seen))
        with pytest.raises(ConfigErrors) as caught:
            await gateway.build(configuration(written, folder))
        return [f"{problem.line}:{problem.column}: {problem.message}" for problem in caught.value.problems]

    problems: list[str] = run(scenario())
    return problems


def test_files_that_are_not_there_are_found_before_anything_is_served(tmp_path: Path) -> None:
    nothing = Certificates(tmp_path / "no-ca.pem", tmp_path / "no.pem", tmp_path / "no.key")
    written = text(f"[{secure(nothing)}]")
    assert [
        f"1:{written.index(str(tmp_path / file))}: {tmp_path}/{file} cannot be read: No such file or directory"
        for file in ("no.pem", "no.key")
    ] == refused(written, tmp_path)


def test_a_certificate_and_a_key_that_do_not_belong_together_are_found(
    tmp_path: Path, certificates: Certificates
) -> None:
    mixed = Certificates(certificates.ca, certificates.certificate, named(tmp_path, "other").key)
    (problem,) = refused(text(f"[{secure(mixed)}]"), tmp_path)
    assert problem.startswith("1:40: the certificates of 127.0.0.1:0 cannot be used: ")


def test_what_is_no_certificate_is_found(tmp_path: Path, certificates: Certificates) -> None:
    certificates.certificate.write_text("nothing of the kind")
    (problem,) = refused(tls(certificates), tmp_path)
    assert "the certificates of 127.0.0.1:0 cannot be used: " in problem


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(
    tmp_path: Path, certificates: Certificates
) -> None:
    plain = serialization.load_pem_private_key(certificates.key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"hush")
    certificates.key.write_bytes(
        plain.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    (problem,) = refused(tls(certificates), tmp_path)
    assert problem.endswith("the private key has a password, which nobody can type in here")


def test_problems_of_certificates_come_together_with_all_others(tmp_path: Path) -> None:
    nothing = Certificates(tmp_path / "no-ca.pem", tmp_path / "no.pem", tmp_path / "no.key")
    problems = refused(tls(nothing).replace("seen: {}", "sene: {}"), tmp_path)
    assert "no plugin is named 'sene'" in problems[-1]
    assert 3 == len(problems)
