"""Ask a server once, over a connection of its own, and judge the answer."""

import socket
import ssl
from collections.abc import Callable

import attrs


@attrs.frozen
class Answer:
    """Status, raw head and as much of the body as arrived with it."""

    status: int
    head: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, by any case of its name."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return None


def ask(port: int, request: bytes, *, tls: bool = False, timeout: float = 5.0) -> Answer:
    """Send one request and read the head of its answer; raises OSError or ValueError where there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout) as plain:
        channel = _encrypted(plain) if tls else plain
        with channel:
            channel.sendall(request)
            received = b""
            while b"\r\n\r\n" not in received:
                chunk = channel.recv(65536)
                if not chunk:
                    raise ValueError(f"the connection closed after {received[:200]!r}")
                received += chunk
    head = received.partition(b"\r\n\r\n")[0]
    return Answer(status=int(head.split(b" ", 2)[1]), head=head)


def _encrypted(channel: socket.socket) -> ssl.SSLSocket:
    """Speak TLS without checking the certificate, which the harness itself has just made."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(channel, server_hostname="localhost")


def answers_200(request: bytes, *, tls: bool = False) -> Callable[[int], str | None]:
    """A readiness check: None once the server on a port answers the request with 200, else what it did instead."""

    def check(port: int) -> str | None:
        try:
            answer = ask(port, request, tls=tls)
        except (OSError, ValueError) as error:
            return str(error)
        return None if answer.status == 200 else f"it answered {answer.head.decode('latin-1')!r}"

    return check
