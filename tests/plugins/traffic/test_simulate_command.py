"""``apim simulate limits``."""

from __future__ import annotations

import pytest

from apim_core import cli

SMALL = ["simulate", "limits", "--limit", "50", "--per", "1s", "--windows", "2"]


def test_it_prints_a_line_for_each_mode_and_what_it_keeps(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == cli.main(SMALL)
    lines = capsys.readouterr().out.splitlines()
    assert ["mode", "exact", "lease", "hybrid", "async"] == [
        line.split("|")[1].strip() for line in lines if line.startswith("| ")
    ]
    assert "exact: allowed <= limit" in lines


def test_the_same_seed_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([*SMALL, "--mode", "lease", "--seed", "5"])
    once = capsys.readouterr().out
    cli.main([*SMALL, "--mode", "lease", "--seed", "5"])
    assert once == capsys.readouterr().out


def test_what_goes_wrong_is_part_of_the_heading(capsys: pytest.CaptureFixture[str]) -> None:
    troubles = ["--partition", "0.5s-1s:2", "--restart", "1s-1500ms:lose", "--slow", "0s-1s:20ms"]
    assert 0 == cli.main([*SMALL, "--mode", "exact", *troubles])
    assert [
        "partition from 0.5 s to 1 s, node 2",
        "restart from 1 s to 1.5 s, all nodes, losing what it counted",
        "slow from 0 s to 1 s, all nodes",
    ] == capsys.readouterr().out.splitlines()[1:4]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--partition", "2s"], "write when it begins and ends"),
        (["--restart", "1s-2s:maybe"], "only `lose` may stand"),
        (["--limit", "0"], "it must be 1 or more"),
    ],
)
def test_wrong_usage_says_what_is_right(wrong: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*SMALL, *wrong])
    assert 2 == caught.value.code
    assert told in capsys.readouterr().err


def test_a_node_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == cli.main([*SMALL, "--partition", "1s-2s:9"])
    assert "apim simulate limits: there is no node 9: they are 0 to 3\n" == capsys.readouterr().err
