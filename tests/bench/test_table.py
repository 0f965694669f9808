"""Reports as people read them."""

import attrs

from bench.report import Finding, RowReport, Sample
from bench.table import columns, finding_line, number, row_text, verdict_text


def test_names_stand_left_and_figures_right():
    assert "  a      10.5\n  nginx     9" == columns([("a", "10.5"), ("nginx", "9")])


def test_numbers_show_the_places_that_matter():
    assert ["3", "12,000", "0.25", "123.5"] == [number(value) for value in (3.0, 12000, 0.25, 123.456)]


def test_a_row_shows_contestants_ratios_notes_and_failures():
    report = RowReport(
        "plain",
        "plain proxy",
        (Sample("apim", 0, 30.0, 40000.0, 0.71, 1.28, 120000, 0, 0.02),),
        (Finding("apim / nginx", 1.5, "x", 1.6, 1.4, 1.7),),
        ("caddy is missing",),
        ("envoy was not ready",),
    )
    lines = row_text(report).splitlines()
    assert "plain: plain proxy" == lines[0]
    assert ["apim", "30.0", "40,000", "0.71", "1.28", "0", "2%"] == lines[2].split()
    assert "  apim / nginx  1.50 x  (1.40 .. 1.70)  <= 1.60 x  holds" == lines[3]
    assert ["  note: caddy is missing", "  FAILED: envoy was not ready"] == lines[4:]


def test_a_spread_says_how_many_rounds_were_calm():
    disturbed = Finding("a / b", 1.5, "x", None, 1.4, 1.7, rounds=5, calm_rounds=3)
    assert "(1.40 .. 1.70, 3 calm of 5)" == finding_line(disturbed)[2]
    assert "(1.40 .. 1.70, no calm round)" == finding_line(attrs.evolve(disturbed, calm_rounds=0))[2]


def test_the_list_of_verdicts_leaves_out_what_has_no_budget():
    report = RowReport("1g", "", (), (Finding("peak", 80.0, "MiB", 64.0), Finding("time", 2.5, "s")))
    assert "  1g: peak  80 MiB    <= 64 MiB  BROKEN" == verdict_text([report])


def test_without_any_budget_the_list_says_so():
    assert "  no budget was measured" == verdict_text([RowReport("1g", "")])
