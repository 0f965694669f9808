"""What tests of whole distributions share: a virtual environment to install them in."""

import logging
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import attrs
import pytest
from hypothesis import settings

settings.register_profile("on any machine", deadline=None)  # one that does other work, too, fails nothing
settings.load_profile("on any machine")


@pytest.fixture(autouse=True)
def _standard_library_logging():
    """What a test routes into a gateway's log does not outlive it: pytest takes back where warnings go, not logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@attrs.frozen
class Environment:
    """A virtual environment of its own that also sees what is installed for this test run. Nothing is downloaded."""

    folder: Path

    def variables(self):
        """The variables of a shell in which the environment is active."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        return {
            **inherited,
            "PATH": os.pathsep.join([str(self.folder / "bin"), inherited.get("PATH", "")]),
            "VIRTUAL_ENV": str(self.folder),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads "no build isolation: 0" as "do without it"
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, command, folder, *, status=0):
        """What a shell command writes, both streams; fails unless it exits with ``status``."""
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        assert status == done.returncode, f"$ {command}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """A virtual environment for the whole test run; tests install distributions of their own into it."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    environment = Environment(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "current.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    _script(environment, "apim", "from apim_core.cli import main; sys.exit(main())")
    _script(environment, "pytest", "import pytest; sys.exit(pytest.main())")
    return environment


def _script(environment, name, program):
    path = environment.folder / "bin" / name
    path.write_text(f"#!{environment.folder}/bin/python\nimport sys\n{program}\n")
    path.chmod(0o755)
