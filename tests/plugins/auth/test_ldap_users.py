"""Users of an LDAP directory come in by the passwords that they have there."""

from __future__ import annotations

import asyncio
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from apim_auth.basic import Basic
from apim_auth.ldap_users import LDAPDirectory, LDAPUsers
from apim_auth.users import User
from apim_sdk import Principal, Reject, Secret
from apim_sdk.testing import FakeContext, build, make_exchange, started
from support.directory import DirectoryServer
from support.gateway import run

OTTO = "o*(tt)\\o"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectoryServer]:
    made = DirectoryServer(tmp_path_factory.mktemp("directory"))
    made.start()
    yield made
    made.stop()


def settings(server: DirectoryServer, **changes: Any) -> dict[str, Any]:
    made = {
        "url": server.url,
        "base": "ou=people,dc=example",
        "bind_dn": "cn=admin,dc=example",
        "bind_password": "searching",
        "group_base": "ou=roles,dc=example",
        "ca": str(server.ca),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


async def presented(plugin: Basic, name: str, password: str) -> Principal:
    text = b64encode(f"{name}:{password}".encode()).decode()
    exchange = make_exchange(headers={"Authorization": f"Basic {text}"})
    credential = plugin.find(exchange)
    assert credential is not None
    principal = plugin.judge(credential, exchange)
    return await principal if isawaitable(principal) else principal


def judge(directory: Mapping[str, Any], name: str = "anna", password: str = "anna's") -> Principal:
    async def once() -> Principal:
        async with started(build(Basic, {"ldap": directory}), FakeContext()) as plugin:
            return await presented(plugin, name, password)

    return run(once)


def status(directory: Mapping[str, Any], name: str = "anna", password: str = "anna's") -> int:
    with pytest.raises(Reject) as refusal:
        judge(directory, name, password)
    return refusal.value.status


@pytest.mark.parametrize("way", ["start_tls", "ldaps", "clear"])
def test_a_user_comes_in_with_the_roles_of_the_directory(way: str, server: DirectoryServer) -> None:
    changes = {"ldaps": {"url": server.tls_url}, "clear": {"start_tls": False}}.get(way, {})

    assert Principal("anna", roles=frozenset({"clerk", "admin"})) == judge(settings(server, **changes))


@pytest.mark.parametrize("typed", ["ANNA", "Anna", " anna", "anna  "])
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "anna"),
        ({"filter": "(&(objectClass=inetOrgPerson)(uid={user}))"}, "anna"),
        ({"name_attribute": "cn"}, "Anna"),
        ({"filter": "(|(uid={user})(cn={user}))", "name_attribute": "UID"}, "anna"),
    ],
)
def test_a_user_is_called_as_the_directory_writes_it(
    changes: Mapping[str, str], name: str, typed: str, server: DirectoryServer
) -> None:
    assert Principal(name, roles=frozenset({"clerk", "admin"})) == judge(settings(server, **changes), typed)


def test_where_the_filter_compares_several_attributes_the_name_is_as_typed(server: DirectoryServer) -> None:
    assert "ANNA" == judge(settings(server, filter="(|(uid={user})(cn={user}))"), "ANNA").subject


def test_a_name_is_a_name_whatever_letters_it_has(server: DirectoryServer) -> None:
    assert Principal(OTTO, roles=frozenset({"clerk"})) == judge(settings(server), OTTO, "otto's")


def test_without_a_place_for_groups_there_are_no_roles(server: DirectoryServer) -> None:
    assert Principal("anna") == judge(settings(server, group_base=None))


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong"),
        ("anna", ""),
        ("eve", "anna's"),
        ("eve", ""),
        ("*", "anna's"),
        ("an*", "anna's"),
        ("anna)(uid=*", "anna's"),
        ("*)(|(uid=*", "anna's"),
        ("uid=anna,ou=people,dc=example", "anna's"),
        ("ä", "anna's"),
    ],
)
def test_whoever_else_is_refused(name: str, password: str, server: DirectoryServer) -> None:
    assert 401 == status(settings(server), name, password)


def test_a_filter_that_finds_several_lets_nobody_in(server: DirectoryServer) -> None:
    assert 401 == status(settings(server, filter="(|(uid={user})(objectClass=inetOrgPerson))"))


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ldap://localhost:1"},
        {"bind_password": "wrong"},
        {"base": "ou=nowhere,dc=example"},
        {"ca": None},
        {"timeout": "1ms"},
    ],
    ids=str,
)
def test_a_directory_that_cannot_be_asked_is_no_wrong_password(
    changes: Mapping[str, Any], server: DirectoryServer
) -> None:
    assert 503 == status(settings(server, **changes))


def test_a_server_that_does_not_answer_is_given_up(server: DirectoryServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"

        assert 503 == status(settings(server, url=url, timeout="100ms"))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80",
        b"\x30\x03\x02\x01\x07",
        b"\x30\x02\x02",
        b"",
    ],
)
def test_what_does_not_speak_ldap_is_no_directory(answer: bytes, server: DirectoryServer) -> None:
    def speak() -> None:
        connection, _ = other.accept()
        connection.recv(1000)
        connection.sendall(answer)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as other:
        thread = threading.Thread(target=speak)
        thread.start()
        assert 503 == status(settings(server, url=f"ldap://127.0.0.1:{other.getsockname()[1]}", start_tls=False))
        thread.join()


def test_a_server_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    own = DirectoryServer(tmp_path)
    own.start()

    async def scenario() -> list[Any]:
        directory = build(Basic, {"ldap": settings(own)}).ldap
        assert directory is not None
        users = LDAPUsers(directory)
        said: list[Any] = [await users.check("anna", "anna's")]
        own.stop()
        with pytest.raises(OSError, match=r"closed|[Cc]onnect"):
            await users.check("anna", "anna's")
        own.start()
        said.append(await users.check("anna", "anna's"))
        users.close()
        return said

    try:
        assert [User("anna", frozenset({"clerk", "admin"}))] * 2 == run(scenario)
    finally:
        own.stop()


def test_connections_for_searching_are_kept_and_bounded(server: DirectoryServer) -> None:
    async def scenario() -> int:
        directory = build(Basic, {"ldap": settings(server, connections=2)}).ldap
        assert directory is not None
        users = LDAPUsers(directory)
        found = await asyncio.gather(*(users.check("anna", "anna's") for _ in range(20)))
        assert [User("anna", frozenset({"clerk", "admin"}))] * 20 == found
        kept = len(users._idle)
        users.close()
        return kept

    assert run(scenario) in (1, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "https://localhost"}, "no LDAP server"),
        ({"url": "ldap://"}, "no LDAP server"),
        ({"url": "ldap://localhost/dc=example"}, "no LDAP server"),
        ({"filter": "(uid=anna)"}, r"must hold \{user\}"),
        ({"filter": "((( {user}"}, "no search filter"),
        ({"group_filter": "(cn=*)"}, r"must hold \{dn\}"),
        ({"bind_dn": None}, "go together"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: Mapping[str, Any], said: str, server: DirectoryServer) -> None:
    with pytest.raises(Exception, match=said):
        build(Basic, {"ldap": settings(server, **changes)})


def test_the_password_that_searches_is_shown_nowhere() -> None:
    directory = LDAPDirectory("ldaps://localhost", "dc=example", bind_dn="cn=a", bind_password=Secret("marked"))

    assert "marked" not in repr(directory)
