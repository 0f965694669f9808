"""What documents say is so: files that they name are there, and configurations that they show are good."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import pytest
from apim_sdk import hookspecs
from support.authority import make_certificates

from apim_core.cli import main

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")], key=str)


def file_exists(name: str) -> bool:
    """Whether a box of the architecture is a file or folder of the core, or of the project."""
    return (ROOT / "apim_core" / name).exists() or (ROOT / name).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+(?:\.py|/))`", ARCHITECTURE))))
def test_a_file_that_the_architecture_names_is_there(name: str) -> None:
    assert file_exists(name)


@pytest.mark.parametrize(
    "name",
    sorted(
        set(
            re.findall(
                r"[\w/]+\.py|\b\w+/(?= )", " ".join(re.findall(r'\["([^"]*)"\]', ARCHITECTURE)).replace("<br>", " ")
            )
        )
    ),
)
def test_a_box_of_a_picture_of_the_architecture_is_a_file(name: str) -> None:
    assert file_exists(name)


def test_every_package_of_the_core_is_in_the_architecture() -> None:
    packages = {path.parent.name for path in (ROOT / "apim_core").glob("*/__init__.py")}
    assert set() == {name for name in packages if f"{name}/" not in ARCHITECTURE}


@pytest.mark.parametrize("name", [name for name in vars(hookspecs) if name.startswith("apim_")])
def test_every_hook_is_described_and_documented_with_its_signature(name: str) -> None:
    hook = getattr(hookspecs, name)
    signature = str(inspect.signature(hook)).replace("'", "")
    assert inspect.getdoc(hook)
    assert f"## `{name}{signature}`" in (ROOT / "docs" / "reference" / "hooks.md").read_text()


LINKS = sorted(
    {
        (str(page.relative_to(ROOT)), link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if not re.match(r"[a-z]+:", link)
    }
)


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_of_a_page_leads_to_a_file(page: str, link: str) -> None:
    assert (ROOT / page).parent.joinpath(link).exists()


# Configurations

SHOWN = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    if "reference" not in page.parts
    for number, block in enumerate(re.findall(r"```ya?ml\n(.*?)```", page.read_text(), re.DOTALL), 1)
]
DEFINITION = "openapi: 3.1.0\npaths: {'/orders/{id}': {get: {operationId: readOrder}}}\n"


@pytest.mark.parametrize("block", SHOWN)
def test_a_configuration_that_a_page_shows_is_good(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in re.findall(r"\$\{env:(\w+)\}", block):
        monkeypatch.setenv(name, f"{name}-0f1e2d3c4b5a69788796a5b4c3d2e1f0")
    surroundings(tmp_path, block)
    file = tmp_path / "apim.yaml"
    file.write_text(block)
    status = main(["check", str(file)])
    assert (0, "") == (status, capsys.readouterr().err if status else "")


def surroundings(folder: Path, block: str) -> None:
    """The files that a block names, as far as a page does not show them."""
    (folder / "apis").mkdir()
    for name in ("shared.yaml", "users.htpasswd", "groups"):
        (folder / name).touch()
    (folder / "orders.openapi.yaml").write_text(DEFINITION)
    shutil.copy(ROOT / "examples" / "quickstart" / "jwks.json", folder)
    certificates = make_certificates(folder)
    for name in re.findall(r"[\w/-]+\.(?:pem|key)", block):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        source = certificates.key if name.endswith(".key") else certificates.certificate
        target.write_bytes((certificates.ca if "client" in name else source).read_bytes())


EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.yaml") if "listen:" in path.read_text())


def test_there_are_examples() -> None:
    assert "examples/quickstart/apim.yaml" in {str(path.relative_to(ROOT)) for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_is_a_good_configuration(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(path.parent, tmp_path / "example")
    for module in folder.glob("pyproject.toml"):
        pytest.skip(f"{module.parent.name} is a distribution of its own: tests/plugins/test_examples.py installs it")
    monkeypatch.chdir(folder)
    status = main(["check", path.name])
    assert (0, "") == (status, capsys.readouterr().err if status else "")
