"""Listening sockets: a set for each worker, on the same addresses."""

from __future__ import annotations

import socket
import textwrap
from pathlib import Path

import pytest

from apim_core.config import Configuration, load
from apim_core.workers.sockets import SocketSets, open_or_take


def configuration(folder: Path, listen: str) -> Configuration:
    file = folder / "apim.yaml"
    file.write_text(textwrap.dedent(f"listen: {listen}\n"))
    return load(file)


def close(*sets: list[socket.socket]) -> None:
    for sockets in sets:
        for each in sockets:
            each.close()


def test_every_set_has_the_same_free_ports(tmp_path: Path) -> None:
    sets = SocketSets(configuration(tmp_path, '["127.0.0.1:0", "127.0.0.1:0"]'), [])

    first, second = sets.open(), sets.open()

    ports = [address.port for address in sets.addresses]
    assert 0 not in ports
    assert ports == [each.getsockname()[1] for each in first] == [each.getsockname()[1] for each in second]
    close(first, second)


def test_connections_are_spread_over_the_sets(tmp_path: Path) -> None:
    sets = SocketSets(configuration(tmp_path, "127.0.0.1:0"), [])
    first, second = sets.open(), sets.open()
    for each in (*first, *second):
        each.listen()

    clients = [socket.create_connection(("127.0.0.1", sets.addresses[0].port)) for _ in range(60)]

    accepted = [_accept_all(each) for each in (first[0], second[0])]
    assert 60 == sum(map(len, accepted))
    assert min(map(len, accepted)) > 10
    close(first, second, clients, *accepted)


def test_an_address_where_somebody_listens_cannot_be_had(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            SocketSets(configuration(tmp_path, f"127.0.0.1:{port}"), [])


def test_handed_sockets_are_shared_by_all_sets(tmp_path: Path) -> None:
    handed = socket.create_server(("127.0.0.1", 0))
    sets = SocketSets(configuration(tmp_path, "127.0.0.1:1"), [handed])

    first, second = sets.open(), sets.open()

    assert handed.getsockname() == first[0].getsockname() == second[0].getsockname()
    assert sets.addresses[0].port == handed.getsockname()[1]
    close(first, second)
    sets.close()
    assert handed.fileno() == -1


def test_handed_sockets_must_be_as_many_as_listeners(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as handed,
        pytest.raises(OSError, match="1 sockets were handed over"),
    ):
        open_or_take(configuration(tmp_path, '["127.0.0.1:0", "127.0.0.1:0"]'), [handed])


def _accept_all(listening: socket.socket) -> list[socket.socket]:
    accepted = []
    while True:
        try:
            accepted.append(listening.accept()[0])
        except BlockingIOError:
            return accepted
