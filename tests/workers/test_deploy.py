"""The examples of deployments: they are well formed, fit together, and serve."""

from __future__ import annotations

import configparser
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import NoReturn

import pytest
from apim_sdk import Duration
from support.certificates import new_certificate
from support.processes import eventually, running

from apim_core.config import load
from apim_core.workers.pool import AFTER_DRAIN

DEPLOY = Path(__file__).resolve().parents[2] / "examples" / "deploy"


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "systemd" / name)
    return parser


def missing(program: str) -> NoReturn:
    """A real part that is not there."""
    pytest.fail(f"{program} is not installed: run tests/peers/install, as `make test` does")


def test_systemd_waits_until_the_gateway_has_drained() -> None:
    drain = load(DEPLOY / "apim.yaml", environment={}).timeouts.drain

    assert Duration(unit("apim.service")["Service"]["TimeoutStopSec"]) > drain + AFTER_DRAIN


def test_systemd_opens_the_port_that_the_configuration_names() -> None:
    listener = load(DEPLOY / "apim.yaml", environment={}).listen[0]

    assert str(listener.address) == unit("apim.socket")["Socket"]["ListenStream"]


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        missing("systemd")
    for name in ("apim.service", "apim.socket"):
        text = (DEPLOY / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/apim/bin/apim", sys.executable))

    done = subprocess.run(
        [analyze, "verify", tmp_path / "apim.service", tmp_path / "apim.socket"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_nginx_in_front_passes_requests_on(tmp_path: Path) -> None:
    nginx = shutil.which("nginx")
    if nginx is None:
        missing("nginx")
    new_certificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
    port = _free_port()
    text = (DEPLOY / "apim.yaml").read_text() + "management: {listen: '127.0.0.1:0'}\nlog: {format: json}\n"

    with running(tmp_path, text, environment={"APIM_LISTEN": "127.0.0.1:0"}) as gateway:
        configuration = (DEPLOY / "nginx" / "nginx.conf").read_text()
        configuration = configuration.replace("127.0.0.1:8080", f"127.0.0.1:{gateway.port}")
        configuration = configuration.replace("listen 8443", f"listen 127.0.0.1:{port}")
        (tmp_path / "nginx.conf").write_text(configuration)
        front = subprocess.Popen(
            [nginx, "-p", str(tmp_path), "-c", "nginx.conf", "-g", "pid nginx.pid; daemon off;"],
            stderr=subprocess.DEVNULL,
        )
        try:
            context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
            eventually(lambda: _listens(port), "nginx listens")
            with urllib.request.urlopen(f"https://localhost:{port}/hello/1.0/world", context=context) as response:
                assert (200, b"hello") == (response.status, response.read())
        finally:
            front.send_signal(signal.SIGTERM)
            front.wait(20)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
