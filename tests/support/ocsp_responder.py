"""OpenSSL's responder, which tells of certificates whether their authority has revoked them."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.client_certificates import Issued

__all__ = ["serving_status"]


@contextlib.contextmanager
def serving_status(
    folder: Path, port: int, authority: Issued, about: Issued, *, revoked: bool = False, digest: str = "sha256"
) -> Iterator[None]:
    """Answer for an authority until the block ends: what is said of one certificate; all others are unknown."""
    folder.mkdir()
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "ca.key").write_bytes(authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "index.txt").write_text(_line(about, revoked))
    command = ["openssl", "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key"]
    command += ["-port", str(port), "-nmin", "5", "-rmd", digest, "-ignore_err"]
    log = folder / "responder.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        _until_it_listens(process, log)
        yield
    finally:
        process.kill()
        process.wait()


def _line(about: Issued, revoked: bool) -> str:
    """What OpenSSL's list of certificates says of one."""
    certificate = about.certificate
    serial = f"{certificate.serial_number:X}"
    serial = serial if len(serial) % 2 == 0 else f"0{serial}"
    state, when = ("R", "260101000000Z") if revoked else ("V", "")
    return f"{state}\t{certificate.not_valid_after_utc:%y%m%d%H%M%SZ}\t{when}\t{serial}\tunknown\t/CN=shop\n"


def _until_it_listens(process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it says so: it answers one connection at a time, and would wait for what a first one has to ask."""
    deadline = time.monotonic() + 60
    while b"waiting for OCSP client connections" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
