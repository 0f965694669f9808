"""The tutorial for plugin authors works as it is printed: its commands are run, its files written, its answers seen."""

import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

TUTORIAL = Path(__file__).parents[2] / "sdk" / "README.md"
PRINTED_PORT = "8080"
PATIENCE = 60
"""Seconds in which the gateway must have come up."""


@attrs.frozen
class File:
    """A block of text that the reader puts into a file."""

    path: str
    text: str


@attrs.frozen
class Command:
    """A command that the reader types, and lines that must then be seen."""

    line: str
    seen: tuple[str, ...]


def steps(markdown):
    """The files and commands of the numbered sections, in order; a file is named at the end of the line above it."""
    sections = re.split(r"^## ", markdown, flags=re.MULTILINE)
    numbered = "".join(section for section in sections if section[:1].isdigit())
    for above, language, text in re.findall(r"([^\n]*)\n+```(\w+)\n(.*?)```\n", numbered, flags=re.DOTALL):
        if language == "console":
            for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, *seen = command.splitlines()
                yield Command(line, tuple(seen))
        else:
            (path,) = re.findall(r"`([^`]+)`:$", above)
            yield File(path, text)


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


@contextmanager
def running(command, folder, environment, port):
    """A command in another terminal, once it listens; at the end it is asked to stop, and must do so in order."""
    log = folder / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.split(), cwd=folder, env=environment.variables(), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_it_listens(process, port, log)
        yield
        process.terminate()
        assert 0 == process.wait(PATIENCE), log.read_text()
    finally:
        process.kill()
        process.wait()


def wait_until_it_listens(process, port, log):
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the gateway does not listen: {log.read_text()}")


@pytest.mark.skipif(
    shutil.which("curl") is None and not os.environ.get("CI"), reason="the tutorial calls the gateway with curl"
)
@pytest.mark.timeout(300)
def test_the_tutorial_works_as_printed(tmp_path, environment):
    port = free_port()
    todo = list(steps(TUTORIAL.read_text("utf-8").replace(PRINTED_PORT, str(port))))
    while todo:
        step = todo.pop(0)
        if isinstance(step, File):
            (tmp_path / step.path).write_text(with_own_management_port(step.text))
        elif step.line.startswith("apim run "):
            with running(step.line, tmp_path, environment, port):
                follow(todo, tmp_path, environment)
            todo = []
        else:
            follow([step], tmp_path, environment)


def with_own_management_port(text):
    """Another gateway may have the usual one on this machine."""
    return re.sub(
        r"^(listen: .*)$", rf"\1\nmanagement: {{listen: '127.0.0.1:{free_port()}'}}", text, flags=re.MULTILINE
    )


def follow(commands, folder, environment):
    for command in commands:
        output = environment.run(command.line, folder)
        for line in command.seen:
            assert line in output, f"$ {command.line}\n{output}"


def test_the_tutorial_goes_from_a_new_plugin_to_answers_of_the_gateway():
    words = [getattr(step, "path", None) or step.line.partition(" ")[0] for step in steps(TUTORIAL.read_text("utf-8"))]

    assert ["apim", "pip", "pytest", "apim"] == words[:4]
    assert ["my-policy/my_policy.py", "my-policy/tests/test_my_policy.py", "pytest"] == words[4:7]
    assert ["my-policy/gateway.yaml", "apim", "apim", "curl", "curl"] == words[7:]
