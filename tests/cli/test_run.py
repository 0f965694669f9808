"""``apim run``: usage, and what stops a start. A running gateway is under tests/workers and tests/integration."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from apim_core.cli import main

GOOD = """\
listen: 127.0.0.1:{port}
management: {{enabled: false}}
apis:
  - name: items
    context: /items
    endpoint: {{mock: {{}}}}
    operations: [{{match: GET /}}]
"""


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_workers_is_one_or_more(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "apim.yaml", f"--workers={count}"])
    assert 2 == caught.value.code
    assert f"{count!r} is no number of processes: write 1 or more" in capsys.readouterr().err


def test_a_configuration_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run"])
    assert 2 == caught.value.code
    assert "file" in capsys.readouterr().err


def test_a_broken_configuration_is_refused_as_check_refuses_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(GOOD.format(port=0).replace("mock", "mokc"))
    said = []
    for verb in ("check", "run"):
        assert 1 == main([verb, str(file)])
        said.append(capsys.readouterr().err)
    assert "no plugin is named 'mokc'" in said[0]
    assert said[0] == said[1]


def test_an_address_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "apim.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(GOOD.format(port=port))
        assert 1 == main(["run", str(file)])
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err
