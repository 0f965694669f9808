"""Talking to systemd; the sockets that it opened are tested with whole processes, in tests/workers."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from apim_core.notify import Notifier, handed_sockets


def listening(address: str) -> socket.socket:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(address)
    manager.settimeout(10)
    return manager


def test_states_go_to_the_socket_that_the_variable_names(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with listening(path) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": path})

        notifier.ready("2 APIs")
        notifier.alive()
        notifier.stopping()

        assert [manager.recv(1024) for _ in range(3)] == [
            b"READY=1\nSTATUS=2 APIs",
            b"WATCHDOG=1",
            b"STOPPING=1\nSTATUS=draining",
        ]


def test_a_reload_tells_when_it_began(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with listening(path) as manager:
        Notifier({"NOTIFY_SOCKET": path}).reloading()

        state, _, microseconds = manager.recv(1024).decode().rpartition("=")
        assert state == "RELOADING=1\nMONOTONIC_USEC"
        assert int(microseconds) > 0


def test_an_abstract_address_begins_with_an_at_sign() -> None:
    name = f"apim-test-{os.getpid()}"
    with listening(f"\0{name}") as manager:
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).alive()

        assert manager.recv(1024) == b"WATCHDOG=1"


def test_without_the_variable_nothing_is_sent() -> None:
    notifier = Notifier({})

    notifier.ready("")

    assert notifier.failures == 0


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})

    notifier.ready("")

    assert notifier.failures == 1


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_signs_of_life_are_given_twice_in_the_time_that_systemd_waits(
    environment: dict[str, str], interval: float | None
) -> None:
    assert interval == Notifier(environment).watchdog_interval


@pytest.mark.parametrize(
    "environment", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "x"}]
)
def test_sockets_that_were_handed_to_another_process_are_not_taken(environment: dict[str, str]) -> None:
    assert handed_sockets(environment) == []
