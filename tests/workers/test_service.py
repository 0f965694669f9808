"""One process: it starts, reloads and ends as signals, systemd and changed files say."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import threading
from pathlib import Path

import pytest
from support.certificates import new_certificate
from support.processes import configuration, eventually, fetch, running


def test_it_serves_until_sigterm_and_ends_with_status_0(tmp_path: Path) -> None:
    with running(tmp_path, configuration()) as gateway:
        assert (200, str(gateway.process.pid)) == gateway.get("/api/x")
        assert gateway.manage("/readyz") == (200, "ready\n")

        gateway.signal(signal.SIGTERM)

        assert gateway.wait() == 0
        assert gateway.lines[-1]["event"] == "stopped"


def test_the_start_says_what_listens_what_is_loaded_and_what_is_unusual(tmp_path: Path) -> None:
    with running(tmp_path, configuration()) as gateway:
        said = gateway.logged("serving")

        assert [f"http://127.0.0.1:{gateway.port}"] == said["listen"]
        assert (said["apis"], said["operations"], said["plugins"]) == (1, 1, ["keyless", "process-id"])
        assert "open to everybody, without a credential: one" in said["remarks"]


def test_a_request_that_runs_may_end_and_a_new_connection_is_refused(tmp_path: Path) -> None:
    text = configuration(endpoint=f"{{wait-for-file: {{path: '{tmp_path}/go'}}}}")
    with running(tmp_path, text) as gateway:
        port, answers = gateway.port, []
        client = threading.Thread(target=lambda: answers.append(fetch(port, "/api/x")))
        client.start()
        eventually((tmp_path / "go.waiting").exists, "the request runs")

        gateway.signal(signal.SIGTERM)
        gateway.logged("draining: running requests may end")
        eventually(lambda: not _connects(port), "new connections are refused")
        assert gateway.manage("/readyz") == (503, "not ready\n")
        assert gateway.manage("/healthz") == (200, "alive\n")
        (tmp_path / "go").touch()

        assert gateway.wait() == 0
        client.join()
        assert answers == [(200, "waited")]


def test_a_second_signal_cuts_running_requests(tmp_path: Path) -> None:
    text = configuration(endpoint=f"{{wait-for-file: {{path: '{tmp_path}/never'}}}}")
    with running(tmp_path, text) as gateway:
        client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        client.request("GET", "/api/x")
        eventually((tmp_path / "never.waiting").exists, "the request runs")

        gateway.signal(signal.SIGTERM)
        gateway.logged("draining: running requests may end")
        gateway.signal(signal.SIGTERM)

        assert gateway.wait(20) == 0
        with pytest.raises(ConnectionResetError):
            client.getresponse()
        client.close()


def test_sighup_takes_a_new_configuration(tmp_path: Path) -> None:
    with running(tmp_path, configuration()) as gateway:
        assert gateway.get("/new/x")[0] == 404
        gateway.configure(configuration(context="/new"))

        gateway.signal(signal.SIGHUP)

        assert gateway.logged("reloaded")["generation"] == 2
        assert gateway.get("/new/x")[0] == 200
        assert 'apim_reloads_total{result="done"} 1.0' in gateway.manage("/metrics")[1]


def test_a_broken_configuration_is_refused_with_file_and_line_and_the_old_one_serves(tmp_path: Path) -> None:
    with running(tmp_path, configuration()) as gateway:
        assert gateway.port
        gateway.configure(configuration(rest="nonsense: 1"))

        gateway.signal(signal.SIGHUP)

        refused = gateway.logged("the new configuration is refused; the old one goes on serving")
        assert f"{tmp_path}/apim.yaml:11" in refused["problems"][0]
        assert gateway.get("/api/x")[0] == 200
        assert 'apim_reloads_total{result="refused"} 1.0' in gateway.manage("/metrics")[1]


def test_a_plugin_that_cannot_start_leaves_the_old_configuration_serving(tmp_path: Path) -> None:
    with running(tmp_path, configuration()) as gateway:
        assert gateway.port
        (tmp_path / "claim").touch()
        flows = f"{{request: [{{fail-at-start: {{claim: '{tmp_path}/claim'}}}}]}}"
        gateway.configure(configuration(flows=flows, context="/new"))

        gateway.signal(signal.SIGHUP)

        refused = gateway.logged("the new configuration is refused; the old one goes on serving")
        assert "fail-at-start cannot start: this one cannot start" in refused["problems"][0]
        assert gateway.get("/api/x")[0] == 200


def test_what_only_a_start_changes_is_not_half_taken_by_a_reload(tmp_path: Path) -> None:
    with running(tmp_path, configuration()) as gateway:
        assert gateway.port
        gateway.configure(configuration(context="/new").replace("listen: 127.0.0.1:0\n", "listen: 127.0.0.1:1\n", 1))

        gateway.signal(signal.SIGHUP)

        failed = gateway.logged("the reload failed; the old configuration goes on serving")
        assert failed["reason"] == "listen changed, which needs a restart; nothing of the new file was taken"
        assert gateway.get("/new/x")[0] == 404


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_reload_takes_new_certificates_and_refuses_bad_ones(tmp_path: Path, workers: str) -> None:
    listen = f"listen: {{address: '127.0.0.1:0', tls: {{certificate: {tmp_path}/c.pem, key: {tmp_path}/k.pem}}}}"
    text = configuration().replace("listen: 127.0.0.1:0", listen, 1)
    first = new_certificate(tmp_path / "c.pem", tmp_path / "k.pem")
    with running(tmp_path, text, "--workers", workers) as gateway:
        assert first == ssl.get_server_certificate(("127.0.0.1", gateway.port))

        second = new_certificate(tmp_path / "c.pem", tmp_path / "k.pem")
        gateway.signal(signal.SIGHUP)
        gateway.logged("reloaded")
        assert {second} == {ssl.get_server_certificate(("127.0.0.1", gateway.port)) for _ in range(10)}

        (tmp_path / "c.pem").write_text("nonsense")
        gateway.signal(signal.SIGHUP)
        gateway.logged("the reload failed; the old configuration goes on serving")
        assert {second} == {ssl.get_server_certificate(("127.0.0.1", gateway.port)) for _ in range(10)}


def test_watching_reloads_when_a_file_changes(tmp_path: Path) -> None:
    with running(tmp_path, configuration(), "--watch") as gateway:
        assert gateway.port
        gateway.logged("watching")

        gateway.configure(configuration(context="/new"))

        gateway.logged("reloaded")
        assert gateway.get("/new/x")[0] == 200


def test_a_configuration_that_is_refused_at_the_start_ends_with_status_1(tmp_path: Path) -> None:
    with running(tmp_path, "nonsense: 1") as gateway:
        assert gateway.wait() == 1
        assert f"{tmp_path}/apim.yaml:1:1: " in gateway.output


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_address_that_is_taken_ends_the_start_with_status_1(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = configuration().replace("listen: 127.0.0.1:0", f"listen: 127.0.0.1:{port}", 1)

        with running(tmp_path, text, "--workers", workers) as gateway:
            assert gateway.wait() == 1
            assert f"cannot listen on 127.0.0.1:{port}" in gateway.output


def test_a_signal_during_the_start_ends_it(tmp_path: Path) -> None:
    text = configuration(flows=f"{{request: [{{block-start: {{path: '{tmp_path}/starting'}}}}]}}")
    with running(tmp_path, text) as gateway:
        eventually((tmp_path / "starting").exists, "the start has begun")

        gateway.signal(signal.SIGTERM)

        assert gateway.wait() == 0


# systemd


def test_systemd_hears_of_readiness_reloads_and_the_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        with running(tmp_path, configuration(), environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as gateway:
            assert manager.recv(4096) == b"READY=1\nSTATUS=generation 1, 1 APIs, 1 operations"

            gateway.signal(signal.SIGHUP)
            assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(4096) == b"READY=1\nSTATUS=generation 2, 1 APIs, 1 operations"

            gateway.signal(signal.SIGTERM)
            assert manager.recv(4096).startswith(b"STOPPING=1")


def test_systemd_gets_signs_of_life_when_it_watches(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with running(tmp_path, configuration(), environment=environment):
            assert manager.recv(4096).startswith(b"READY=1")
            assert [manager.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_socket_that_systemd_opened_is_taken(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as handed:
        port = handed.getsockname()[1]
        with running(tmp_path, configuration(), "--workers", workers, prefix=_as_systemd(handed)) as gateway:
            assert port == gateway.port
            assert gateway.get("/api/x")[0] == 200


def test_sockets_of_systemd_must_be_as_many_as_listeners(tmp_path: Path) -> None:
    text = configuration().replace("listen: 127.0.0.1:0", "listen: ['127.0.0.1:0', '127.0.0.1:0']", 1)
    with (
        socket.create_server(("127.0.0.1", 0)) as handed,
        running(tmp_path, text, prefix=_as_systemd(handed)) as gateway,
    ):
        assert gateway.wait() == 1
        assert "1 sockets were handed over (LISTEN_FDS) for 2 listeners" in gateway.output


def _as_systemd(handed: socket.socket) -> list[str]:
    """A prefix that starts a command as systemd does: the socket is descriptor 3, and the variables say so."""
    os.set_inheritable(handed.fileno(), True)
    return ["bash", "-c", f'exec 3<&{handed.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "systemd"]


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError:
        return False
    return True
