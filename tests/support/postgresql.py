"""A real PostgreSQL server, a process of its own on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import asyncpg

from support.processes import eventually
from support.redis import free_port


def program(name: str) -> str:
    """The path of one of the server's programs, which Debian keeps out of PATH."""
    found = shutil.which(name) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None)
    assert found, f"tests need {name}: run tests/peers/install"
    return found


class PostgreSQLProcess:
    """``postgres`` with a database cluster of its own, for the user ``apim``, who needs no password."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="apim-postgresql-"))
        self.folder.chmod(0o755)  # the folders that pytest makes are closed to the server's user
        self.port = free_port()
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://apim@127.0.0.1:{self.port}/postgres"

    @property
    def user(self) -> dict[str, Any]:
        """As whom its programs run: the server refuses to be root."""
        return {"user": "postgres", "group": "postgres", "extra_groups": ()} if os.getuid() == 0 else {}

    def own(self, name: str, content: bytes) -> None:
        """Make a file that the server, and nobody else, may read."""
        path = self.folder / name
        path.touch(0o600)
        path.write_bytes(content)
        if self.user:
            shutil.chown(path, self.user["user"], self.user["group"])

    def start(self) -> None:
        user = self.user
        data = self.folder / "data"
        if not data.exists():
            data.mkdir(mode=0o700)
            if user:
                shutil.chown(data, user["user"], user["group"])
            command = [program("initdb"), "-D", str(data), "-U", "apim", "--auth=trust", "--no-sync", "-E", "UTF8"]
            subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **user)
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self.settings}
        settings["fsync"] = "off"  # a crash of the server is tested, not one of the machine; it is back sooner
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [program("postgres"), "-D", str(data), *options],
                cwd="/",
                stdout=output,
                stderr=subprocess.STDOUT,
                **user,
            )
        eventually(self.answers, "PostgreSQL answers", 30)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "output").read_text()
        done = subprocess.run([program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False)
        return done.returncode == 0

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it at once, as in a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def remove(self) -> None:
        """Stop it, and remove its data."""
        self.stop()
        shutil.rmtree(self.folder)


async def execute(url: str, *statements: str) -> list[Any]:
    """What the last of some statements answers."""
    connection = await asyncpg.connect(url)
    try:
        answers = [await connection.fetch(statement) for statement in statements]
    finally:
        await connection.close()
    return answers[-1]
