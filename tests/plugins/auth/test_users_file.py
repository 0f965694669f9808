"""Users come from a file as htpasswd writes it, which is read again when it has changed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import bcrypt
import pytest
from apim_auth.users import User
from apim_auth.users_file import UserFile
from apim_auth.users_passwords import NOBODYS, check_hash, matches
from apim_auth.users_table import UserTable
from apim_sdk.testing import FakeLog
from support.passwords import argon2id

ANNA = bcrypt.hashpw(b"anna's", bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
OTTO = argon2id("otto's")


def written(folder: Path, text: str = f"anna:{ANNA}\notto:{OTTO}\n", groups: str | None = None) -> UserFile:
    (folder / "users").write_text(text)
    if groups is not None:
        (folder / "groups").write_text(groups)
    return UserFile(folder / "users", None if groups is None else folder / "groups")


def checked(users: UserFile, name: str, password: str) -> User | None:
    async def check() -> User | None:
        await users.refresh()
        return await users.check(name, password)

    return asyncio.run(check())


@pytest.mark.parametrize("name", ["anna", "otto"])
def test_the_right_password_is_the_users(name: str, tmp_path: Path) -> None:
    assert User(name) == checked(written(tmp_path), name, f"{name}'s")


@pytest.mark.parametrize(
    ("name", "password"),
    [("anna", "otto's"), ("otto", "anna's"), ("anna", ""), ("eve", "anna's"), ("", ""), ("é", "é")],
)
def test_another_password_is_nobodys(name: str, password: str, tmp_path: Path) -> None:
    assert checked(written(tmp_path), name, password) is None


def test_nobody_comes_in_by_an_empty_file(tmp_path: Path) -> None:
    assert checked(written(tmp_path, "# nobody\n\n"), "anna", "anna's") is None


def test_roles_come_from_the_file_of_groups(tmp_path: Path) -> None:
    users = written(tmp_path, groups="# roles\nclerk: anna otto\nadmin: anna\nboss:\n")

    assert User("anna", frozenset({"clerk", "admin"})) == checked(users, "anna", "anna's")
    assert User("otto", frozenset({"clerk"})) == checked(users, "otto", "otto's")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("eve:$apr1$BzZkFvbS$yqu7UmUpYyMYLF4xUTKh21", "MD5 \\(apr1\\)"),
        ("eve:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"),
        ("eve:$6$salt$hash", "SHA-512"),
        ("eve:$argon2i$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "Argon2i:"),
        ("eve:$argon2id$v=19$m=65536$x$y", "cannot be read"),
        ("eve:$2y$99$x", "cannot be read"),
        ("eve:sesame", "plain text"),
        ("eve:", "plain text"),
        ("eve", "write user:hash"),
        (":x", "write user:hash"),
        pytest.param(f"anna:{ANNA}", "'anna' is there already", id="twice"),
    ],
)
def test_a_line_that_is_not_accepted_is_named(line: str, kind: str, tmp_path: Path) -> None:
    users = written(tmp_path, f"# users\nanna:{ANNA}\n\n{line}\n")

    with pytest.raises(ValueError, match=f"users, line 4: .*{kind}") as error:
        asyncio.run(users.refresh())
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize("groups", ["clerk anna", ": anna"])
def test_a_line_of_groups_that_cannot_be_read_is_named(groups: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="groups, line 1: write role"):
        asyncio.run(written(tmp_path, groups=groups).refresh())


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    users = written(tmp_path)
    (tmp_path / "users").write_bytes(b"\xff\xfe")

    with pytest.raises(ValueError, match="not in UTF-8"):
        asyncio.run(users.refresh())


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    users = written(tmp_path)
    assert User("anna") == checked(users, "anna", "anna's")
    before = users.generation

    (tmp_path / "new").write_text(f"otto:{OTTO}\n")
    (tmp_path / "new").replace(tmp_path / "users")

    assert checked(users, "anna", "anna's") is None
    assert before + 1 == users.generation


def test_a_file_that_has_not_changed_changes_nothing(tmp_path: Path) -> None:
    users = written(tmp_path)

    asyncio.run(users.refresh())
    asyncio.run(users.refresh())

    assert 1 == users.generation


def test_a_file_that_turns_bad_leaves_the_users_from_before_and_is_told_of_once(tmp_path: Path) -> None:
    users, log = written(tmp_path), FakeLog()

    async def scenario() -> User | None:
        await users.refresh()
        os.unlink(tmp_path / "users")
        task = asyncio.create_task(users.keep_fresh(log))
        async with asyncio.timeout(30):
            while not log.lines:
                await asyncio.sleep(0.01)
        task.cancel()
        return await users.check("anna", "anna's")

    assert User("anna") == asyncio.run(scenario())
    assert 1 == len(log.lines)


def test_bcrypt_looks_at_72_bytes_of_a_password_as_everywhere() -> None:
    text = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()

    assert matches(text, b"x" * 100)
    assert not matches(text, b"x" * 71)


def test_nobodys_password_is_none_that_anybody_has() -> None:
    check_hash(NOBODYS)

    assert not matches(NOBODYS, b"")


def test_an_unknown_user_is_always_held_against_the_same_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[str] = []
    monkeypatch.setattr("apim_auth.users_table.matches", lambda text, password: held.append(text) or True)
    table = UserTable({f"user-{number}": f"hash-{number}" for number in range(50)})

    async def scenario() -> None:
        for name in ("eve", "eve", "eve", *map(str, range(50))):
            assert await table.check(name, "x") is None

    asyncio.run(scenario())
    assert 1 == len(set(held[:3]))
    assert 10 < len(set(held[3:]))
