"""``apim docs``: writes the generated reference, and finds a page that is missing, out of date or of something gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from apim_core.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The reference, just written."""
    folder = tmp_path / "reference"
    assert 0 == main(["docs", "--folder", str(folder)])
    return folder


def check(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    capsys.readouterr()
    status = main(["docs", "--check", "--folder", str(folder)])
    return status, capsys.readouterr().err.replace(f"{folder}/", "").splitlines()


def test_what_was_just_written_is_up_to_date(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (0, []) == check(folder, capsys)


def test_it_says_how_many_pages_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["docs", "--folder", str(tmp_path)])
    count = sum(path.is_file() for path in tmp_path.rglob("*"))
    assert f"wrote {count} pages to {tmp_path}\n" == capsys.readouterr().out


def test_a_missing_page_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "hooks.md").unlink()
    assert (1, ["hooks.md is missing: run `make docs`"]) == check(folder, capsys)


def test_a_page_out_of_date_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = folder / "plugins" / "jwt.md"
    page.write_text(page.read_text() + "\nby hand")
    assert (1, ["plugins/jwt.md is out of date: run `make docs`"]) == check(folder, capsys)


def test_a_page_of_something_gone_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "plugins" / "gone.md").touch()
    assert (1, ["plugins/gone.md describes nothing that is there any more: run `make docs`"]) == check(folder, capsys)


def test_a_check_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "hooks.md").write_text("changed")
    check(folder, capsys)
    assert "changed" == (folder / "hooks.md").read_text()


def test_writing_mends_all_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "hooks.md").unlink()
    (folder / "cli.md").write_text("changed")
    (folder / "plugins" / "gone.md").touch()
    assert 0 == main(["docs", "--folder", str(folder)])
    assert (0, []) == check(folder, capsys)


def test_a_folder_that_is_not_there_lacks_every_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = check(tmp_path / "nothing", capsys)
    assert 1 == status
    assert all(line.endswith("is missing: run `make docs`") for line in lines)
    assert len(lines) > 10
