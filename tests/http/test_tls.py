import asyncio
import datetime
import socket
import ssl
from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.wire import is_cut, read_answer, serving

from apim_core.http.settings import CertificateSettings, LimitSettings, ServerSettings, TimeoutSettings, TLSSettings
from apim_core.http.tls import Certificates

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder, name):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.path = folder / f"{name}.pem"
        certificate = self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None), ())
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, key, constraints, names):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if constraints.ca:
            usage = {name: name in ("key_cert_sign", "crl_sign") for name in (
                "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")}  # fmt: skip
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, file, *names):
        """A certificate for some names, as settings name it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)])
        certificate = self._sign(subject, key, x509.BasicConstraints(ca=False, path_length=None), names)
        paths = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return CertificateSettings(str(paths[0]), str(paths[1]))

    def client(self, certificate=None, alpn=("http/1.1",)):
        """A client that trusts this authority."""
        context = ssl.create_default_context(cafile=str(self.path))
        context.set_alpn_protocols(list(alpn))
        if certificate is not None:
            context.load_cert_chain(certificate.certificate, certificate.key)
        return context


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


def settings(*certificates, **changes):
    return ServerSettings(tls=TLSSettings(certificates, **changes), name="test")


def shown(connection):
    """The names in the certificate that the server showed."""
    return [value for _, value in connection.getpeercert()["subjectAltName"]]


def is_refused(served, context):
    """Whether the server ends the handshake, or the connection as soon as it is used."""
    try:
        with served.connect(context, "api.example") as client:
            client.sendall(GET)
            return is_cut(client)
    except (ssl.SSLError, OSError):
        return True


LOOPS = pytest.mark.parametrize("loop", [None, asyncio.new_event_loop])


@LOOPS
def test_requests_are_served_over_tls(authority, loop):
    certificate = authority.issue("one", "api.example")
    with (
        serving(settings=settings(certificate), loop_factory=loop) as served,
        served.connect(authority.client(), "api.example") as client,
    ):
        for _ in range(2):
            client.sendall(GET)
            assert 200 == read_answer(client)[0]
        assert "http/1.1" == client.selected_alpn_protocol()
        seen = served.seen[0]
        assert ("https", "TLSv1.3", "api.example", None) == (
            seen.scheme,
            seen.client.tls.version,
            seen.client.tls.server_name,
            seen.client.tls.certificate,
        )
        assert seen.client.tls.cipher == client.cipher()[0]


@LOOPS
def test_each_name_gets_its_certificate(authority, loop):
    certificates = (
        authority.issue("default", "default.example"),
        authority.issue("wild", "*.wild.example"),
        authority.issue("exact", "exact.wild.example"),
    )
    with serving(settings=settings(*certificates), loop_factory=loop) as served:
        for name, expected in (
            ("default.example", "default.example"),
            ("a.wild.example", "*.wild.example"),
            ("exact.wild.example", "exact.wild.example"),
            ("EXACT.wild.example", "exact.wild.example"),
            (None, "default.example"),
            ("unknown.example", "default.example"),
        ):
            context = authority.client()
            context.check_hostname = False
            with served.connect(context, name) as client:
                assert [expected] == shown(client)


def test_names_can_be_configured(authority):
    first = authority.issue("first", "first.example")
    second = authority.issue("second", "second.example")
    second = CertificateSettings(second.certificate, second.key, names=("other.example",))
    context = authority.client()
    context.check_hostname = False
    with serving(settings=settings(first, second)) as served:
        with served.connect(context, "other.example") as client:
            assert ["second.example"] == shown(client)
        with served.connect(context, "second.example") as client:
            assert ["first.example"] == shown(client)


def test_a_required_client_certificate_is_required(authority, tmp_path):
    certificate = authority.issue("server", "api.example")
    mine = authority.issue("client", "client.example")
    stranger = Authority(tmp_path, "stranger").issue("stranger", "stranger.example")
    demanding = settings(certificate, client_certificate="required", client_ca=str(authority.path))
    with serving(settings=demanding) as served:
        with served.connect(authority.client(mine), "api.example") as client:
            client.sendall(GET)
            assert 200 == read_answer(client)[0]
        for context in (authority.client(), authority.client(stranger)):
            assert is_refused(served, context)
        (seen,) = served.seen
        with open(mine.certificate, "rb") as file:
            assert ssl.PEM_cert_to_DER_cert(file.read().decode()) == seen.client.tls.certificate


def test_an_optional_client_certificate_may_be_missing_but_not_wrong(authority, tmp_path):
    certificate = authority.issue("server", "api.example")
    stranger = Authority(tmp_path, "stranger").issue("stranger", "stranger.example")
    with serving(
        settings=settings(certificate, client_certificate="optional", client_ca=str(authority.path))
    ) as served:
        with served.connect(authority.client(), "api.example") as client:
            client.sendall(GET)
            assert 200 == read_answer(client)[0]
        assert is_refused(served, authority.client(stranger))
    assert [None] == [seen.client.tls.certificate for seen in served.seen]


@LOOPS
def test_certificates_are_replaced_without_a_restart(authority, tmp_path, loop):
    certificate = authority.issue("server", "api.example")
    with (
        serving(settings=settings(certificate), loop_factory=loop) as served,
        served.connect(authority.client(), "api.example") as old,
    ):
        first = old.getpeercert()["serialNumber"]
        assert certificate == authority.issue("server", "api.example")
        served.call(served.server.reload_certificates)
        with served.connect(authority.client(), "api.example") as new:
            assert first != new.getpeercert()["serialNumber"]
        old.sendall(GET)
        assert 200 == read_answer(old)[0]


def test_a_client_authority_is_replaced_without_a_restart(authority, tmp_path):
    certificate = authority.issue("server", "api.example")
    bundle = tmp_path / "clients.pem"
    bundle.write_bytes(authority.path.read_bytes())
    other = Authority(tmp_path, "other")
    mine = other.issue("client", "client.example")
    demanding = settings(certificate, client_certificate="required", client_ca=str(bundle))
    with serving(settings=demanding) as served:
        assert is_refused(served, authority.client(mine))
        bundle.write_bytes(other.path.read_bytes())
        served.call(served.server.reload_certificates)
        with served.connect(authority.client(mine), "api.example") as client:
            client.sendall(GET)
            assert 200 == read_answer(client)[0]


def test_a_broken_certificate_changes_nothing(authority, tmp_path):
    certificate = authority.issue("server", "api.example")
    with serving(settings=settings(certificate)) as served:
        (tmp_path / "server.pem").write_text("nothing")
        with pytest.raises((ssl.SSLError, ValueError)):
            served.call(served.server.reload_certificates)
        with served.connect(authority.client(), "api.example") as client:
            client.sendall(GET)
            assert 200 == read_answer(client)[0]


def test_client_certificates_need_an_authority(authority):
    with pytest.raises(ValueError, match="client_ca"):
        Certificates(TLSSettings((authority.issue("server", "a"),), client_certificate="required"))
    with pytest.raises(ValueError, match="at least one"):
        Certificates(TLSSettings(()))


def test_old_versions_are_refused(authority):
    certificate = authority.issue("server", "api.example")
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(settings=settings(certificate, minimum_version="1.3")) as served, pytest.raises(ssl.SSLError):
        served.connect(context, "api.example")


def test_a_client_that_prefers_http_2_gets_http_1(authority):
    certificate = authority.issue("server", "api.example")
    with (
        serving(settings=settings(certificate)) as served,
        served.connect(authority.client(alpn=("h2", "http/1.1")), "api.example") as client,
    ):
        assert "http/1.1" == client.selected_alpn_protocol()


def test_a_handshake_must_be_finished_in_time(authority):
    certificate = authority.issue("server", "api.example")
    slow = ServerSettings(tls=TLSSettings((certificate,)), timeouts=TimeoutSettings(handshake=0.05), name="test")
    with serving(settings=slow) as served, served.connect() as client:
        client.sendall(b"\x16\x03\x01")
        assert is_cut(client)
        assert 1 == served.server.counters["failed_handshakes"]


def test_unfinished_handshakes_are_bounded(authority):
    certificate = authority.issue("server", "api.example")
    few = ServerSettings(tls=TLSSettings((certificate,)), limits=LimitSettings(connections=3), name="test")
    with serving(settings=few) as served:
        waiting = [served.connect() for _ in range(4)]
        assert is_cut(waiting[3])
        for client in waiting:
            client.close()


def test_plain_http_on_a_tls_port_is_cut(authority):
    with serving(settings=settings(authority.issue("server", "api.example"))) as served:
        with served.connect() as client:
            client.sendall(GET)
            while data := client.recv(1000):
                assert not data.startswith(b"HTTP")
        assert [] == served.seen


@LOOPS
def test_tls_follows_a_proxy_header(authority, loop):
    certificate = authority.issue("server", "api.example")
    behind = ServerSettings(tls=TLSSettings((certificate,)), proxy_protocol=(ip_network("127.0.0.0/8"),), name="test")
    with serving(settings=behind, loop_factory=loop) as served:
        made = socket.create_connection(("127.0.0.1", served.port), timeout=10)
        made.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 5 6\r\n")
        with authority.client().wrap_socket(made, server_hostname="api.example") as client:
            client.sendall(GET)
            assert 200 == read_answer(client)[0]
        assert "192.0.2.7" == str(served.seen[0].client.address)


def test_large_answers_and_uploads_go_through_tls(authority):
    certificate = authority.issue("server", "api.example")
    body = b"x" * 3_000_000
    with (
        serving(settings=settings(certificate)) as served,
        served.connect(authority.client(), "api.example") as client,
    ):
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )
        assert body == read_answer(client)[2]
