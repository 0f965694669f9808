import asyncio
import contextlib
import socket
import ssl

import pytest
import uvloop
from apim_sdk import Fault, Request
from apim_sdk.body import BodyError
from apim_sdk.errors import ENDPOINT_CONNECT_TIMEOUT, ENDPOINT_CONNECTION_FAILED
from apim_sdk.fields import Secret
from support.authority import make_certificates
from support.backend import always, backend
from support.gateway import run

from apim_core.http.upstream import UpstreamPool
from apim_core.http.upstream_settings import Origin, UpstreamProxy, UpstreamSettings, UpstreamTLS

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def found(*hosts):
    """A look-up that finds these addresses, whatever the name."""

    async def lookup(name, port):
        return tuple((socket.AF_INET, (host, port)) for host in hosts)

    return lookup


@contextlib.contextmanager
def deaf_port():
    """A port where connections are neither accepted nor refused: its queue is full."""
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            filling = stack.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


async def body_from(origin, *, lookup=None, **settings):
    arguments = {} if lookup is None else {"lookup": lookup}
    pool = UpstreamPool(origin, UpstreamSettings(**settings), **arguments)
    try:
        return (await pool.send(Request(), "/a")).body.data
    finally:
        await pool.stop()
        assert 0 == pool.counts.open


async def fault_from(origin, **arguments):
    with pytest.raises(Fault) as caught:
        await body_from(origin, **arguments)
    return caught.value


def test_an_address_that_refuses_is_passed_over():
    async def main():
        async with backend(always(HELLO)) as served:
            origin = Origin("http", "backend.example", served.port)
            for _ in range(3):
                assert b"hello" == await body_from(origin, lookup=found("127.0.0.2", "127.0.0.3", "127.0.0.1"))

    run(main)


def test_when_every_address_refuses_the_operator_reads_each_reason():
    async def main():
        async with backend(always(HELLO)) as served:
            origin = Origin("http", "backend.example", served.port)
            fault = await fault_from(origin, lookup=found("127.0.0.2", "127.0.0.3"))
            assert ENDPOINT_CONNECTION_FAILED == fault.kind
            assert ("127.0.0.2" in fault.detail, "127.0.0.3" in fault.detail) == (True, True)

    run(main)


def test_an_address_that_stays_silent_is_overtaken():
    async def main():
        with deaf_port() as port:

            async def serve(reader, writer):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(HELLO)
                await reader.read()
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.2", port)
            started = asyncio.get_running_loop().time()
            origin = Origin("http", "backend.example", port)
            assert b"hello" == await body_from(origin, lookup=found("127.0.0.1", "127.0.0.2"), connect_timeout=10)
            assert asyncio.get_running_loop().time() - started < 5
            server.close()
            await server.wait_closed()

    run(main)


def test_a_backend_that_accepts_no_connection_runs_into_the_time_out():
    async def main():
        with deaf_port() as port:
            fault = await fault_from(Origin("http", "127.0.0.1", port), connect_timeout=0.1)
            assert (ENDPOINT_CONNECT_TIMEOUT, 504) == (fault.kind, fault.status)

    run(main)


def test_a_name_without_addresses_is_a_failed_connection():
    async def main():
        fault = await fault_from(Origin("http", "backend.example", 80), lookup=found())
        assert (ENDPOINT_CONNECTION_FAILED, 502) == (fault.kind, fault.status)
        assert "backend.example has no address" in fault.detail

    run(main)


async def body_over_tls(certificates, tls, *, host="localhost", context=None):
    async with backend(always(HELLO), tls=context or certificates.server()) as served:
        return await body_from(Origin("https", host, served.port), lookup=found("127.0.0.1"), tls=tls)


async def fault_over_tls(certificates, tls, **arguments):
    with pytest.raises(Fault) as caught:
        await body_over_tls(certificates, tls, **arguments)
    return caught.value


def test_a_certificate_that_the_ca_vouches_for_is_trusted(certificates):
    assert b"hello" == run(body_over_tls(certificates, UpstreamTLS(ca=certificates.ca)))


def test_a_certificate_that_nobody_vouches_for_is_refused(certificates):
    fault = run(fault_over_tls(certificates, UpstreamTLS()))

    assert ENDPOINT_CONNECTION_FAILED == fault.kind
    assert "certificate verify failed" in fault.detail


def test_a_certificate_for_another_name_is_refused(certificates):
    fault = run(fault_over_tls(certificates, UpstreamTLS(ca=certificates.ca), host="other.example"))

    assert ENDPOINT_CONNECTION_FAILED == fault.kind
    assert "other.example" in fault.detail


def test_another_name_can_be_asked_for(certificates):
    asked = []
    context = certificates.server()
    context.sni_callback = lambda connection, name, context: asked.append(name)
    tls = UpstreamTLS(ca=certificates.ca, server_name="localhost")

    assert b"hello" == run(body_over_tls(certificates, tls, host="other.example", context=context))
    assert ["localhost"] == asked


def test_verification_can_be_turned_off(certificates):
    assert b"hello" == run(body_over_tls(certificates, UpstreamTLS(verify=False), host="other.example"))


def test_the_gateway_shows_its_own_certificate(certificates):
    context = certificates.server()
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    tls = UpstreamTLS(ca=certificates.ca, certificate=certificates.certificate, key=certificates.key)

    assert b"hello" == run(body_over_tls(certificates, tls, context=context))


@pytest.mark.parametrize("role", ["ca", "certificate", "key"])
def test_a_file_that_cannot_be_used_is_named_at_the_start(certificates, tmp_path, role):
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    files = {"ca": certificates.ca, "certificate": certificates.certificate, "key": certificates.key, role: broken}
    pool = UpstreamPool(Origin("https", "localhost", 443), UpstreamSettings(tls=UpstreamTLS(**files)))

    with pytest.raises(ValueError, match=r"broken\.pem"):
        asyncio.run(pool.start())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("proxied", [True, False])
def test_a_handshake_that_stalls_runs_into_the_time_out_and_leaves_nothing_open(new_loop, proxied):
    async def main():
        ended = asyncio.Event()

        async def script(conversation):
            if proxied:
                await conversation.reader.readuntil(b"\r\n\r\n")
                await conversation.say(b"HTTP/1.1 200 OK\r\n\r\n")
            await conversation.closed()
            ended.set()

        async with backend(script) as served:
            proxy = through(served) if proxied else None
            origin = Origin("https", "localhost", served.port)
            fault = await fault_from(origin, lookup=found("127.0.0.1"), proxy=proxy, connect_timeout=0.2)
            assert ENDPOINT_CONNECT_TIMEOUT == fault.kind
            await ended.wait()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(main(), 20))


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("alert", [True, False])
def test_over_tls_an_answer_that_lasts_until_the_end_needs_a_closure_alert(certificates, alert, new_loop):
    async def script(conversation):
        await conversation.request()
        await conversation.say(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
        if not alert:
            conversation.writer.transport.abort()

    async def main():
        async with backend(script, tls=certificates.server()) as served:
            pool = UpstreamPool(
                Origin("https", "localhost", served.port), UpstreamSettings(tls=UpstreamTLS(ca=certificates.ca))
            )
            response = await pool.send(Request(), "/")
            try:
                return await response.body.read()
            except BodyError:
                return None
            finally:
                await pool.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert (b"hello" if alert else None) == runner.run(main())


class Proxy:
    """An HTTP proxy that passes everything on, and writes down what it was asked."""

    def __init__(self, port, refusal=None):
        self.port = port
        self.heads = []
        self._refusal = refusal

    async def __call__(self, conversation):
        head = await conversation.reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self._refusal is not None:
            await conversation.say(*self._refusal)
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            if head.startswith(b"CONNECT"):
                await conversation.say(b"HTTP/1.1 200 Connection", b" established\r\nX-A: 1\r\n\r\n")
            else:
                writer.write(head)
            await asyncio.gather(_copy(conversation.reader, writer), _copy(reader, conversation.writer))
        finally:
            writer.close()


async def _copy(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


def through(proxy, **credentials):
    return UpstreamProxy("127.0.0.1", proxy.port, **credentials)


def test_a_plain_origin_behind_a_proxy_is_asked_for_in_absolute_form():
    async def main():
        async with backend(always(HELLO)) as served:
            asked = Proxy(served.port)
            async with backend(asked) as proxy:
                assert b"hello" == await body_from(Origin("http", "backend.example", 81), proxy=through(proxy))
        assert asked.heads[0].startswith(b"GET http://backend.example:81/a HTTP/1.1\r\nHost: backend.example:81\r\n")

    run(main)


def test_a_tls_origin_behind_a_proxy_is_reached_through_a_tunnel(certificates):
    async def main():
        async with backend(always(HELLO), tls=certificates.server()) as served:
            asked = Proxy(served.port)
            async with backend(asked) as proxy:
                body = await body_from(
                    Origin("https", "localhost", 444),
                    tls=UpstreamTLS(ca=certificates.ca),
                    proxy=through(proxy, username="user", password=Secret("pass")),
                )
        assert b"hello" == body
        assert [
            b"CONNECT localhost:444 HTTP/1.1\r\nHost: localhost:444\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n"
        ] == asked.heads

    run(main)


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ([b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"], "407 Proxy Authentication Required"),
        ([b"HTTP/1.1 200 OK\r\n\r\nbytes"], "before the tunnel was used"),
        ([b"HTTP/1.1 200 OK\r\n"], "closed the connection"),
        ([b"x" * 20_000], "too long"),
    ],
)
def test_a_proxy_that_gives_no_tunnel_is_a_failed_connection(refusal, reason):
    async def main():
        async with backend(Proxy(0, refusal)) as proxy:
            fault = await fault_from(Origin("https", "localhost", 444), proxy=through(proxy))
        assert ENDPOINT_CONNECTION_FAILED == fault.kind
        assert reason in fault.detail

    run(main)


def test_a_proxy_that_stays_silent_runs_into_the_time_out():
    async def silent(conversation):
        await conversation.closed()

    async def main():
        async with backend(silent) as proxy:
            origin = Origin("https", "localhost", 444)
            fault = await fault_from(origin, proxy=through(proxy), connect_timeout=0.1)
        assert ENDPOINT_CONNECT_TIMEOUT == fault.kind

    run(main)
