"""What each format writes, held against files in ``golden``: one for some findings, and one for none.

After a change that is meant: ``python tests/plugins/governance/formatters/test_golden.py`` writes them anew; the
difference is looked at in the commit.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from apim_governance.findings import Finding, Position, Range, Severity
from apim_governance.formatters import FORMATS, formatted
from apim_governance.formatters.report import Report, RuleFacts

GOLDEN = Path(__file__).with_name("golden")
ORDERS, EVENTS = "/srv/apis/orders.yaml", "/srv/apis/events, all: 100%.json"
HOSTILE = "a <b>\"tag\"</b> & 'more' | ]]> \x07\x1b[2J\r\n::error::%0A 日本 😀"
"""What ends quotes, cells, lines, sections and tags somewhere; and signs that are wide, or two code units."""


def finding(code: str, message: str, severity: Severity, source: str | None, line: int, **others: Any) -> Finding:
    path = others.pop("path", ("paths", "/orders/{id}", "get", "responses", "200", "two words", 0))
    return Finding(code, message, severity, path, Range(Position(line, 4), Position(line + 1, 12)), source, **others)


FINDINGS = (
    finding("parser", "Duplicate key: a", Severity.ERROR, None, 0, path=()),
    finding("titled", HOSTILE, Severity.ERROR, EVENTS, 2),
    finding(
        "described", "It needs words.", Severity.WARN, ORDERS, 0, documentation_url="https://example.com/rules?a=1&b=2"
    ),
    finding("tagged", "3 1 tags", Severity.INFO, ORDERS, 9, path=("tags", 0)),
    finding("short", "It may be shorter. " * 6, Severity.HINT, ORDERS, 11, path=(HOSTILE,)),
)
RULES = {
    "titled": RuleFacts("What is titled"),
    "described": RuleFacts("What is described", "https://example.com/rules?a=1&b=2"),
    "off": RuleFacts(),
    "short": RuleFacts("What is short"),
    "tagged": RuleFacts("What is tagged"),
}
KINDS = {"found": FINDINGS, "none": ()}


def report(findings: tuple[Finding, ...], **others: Any) -> Report:
    now = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    return Report(findings, RULES, Severity.WARN, "/srv/apis", now=now, **others)


def texts() -> dict[str, str]:
    """The content of each file by its name; the version of apim is none of its business."""
    made = {f"{name}.{kind}": formatted(report(found), name) for name in FORMATS for kind, found in KINDS.items()}
    for name in ("stylish", "pretty"):
        made[f"{name}.coloured"] = formatted(report(FINDINGS, colours=True, columns=120), name)
    return {
        name: text.replace(f'"version": "{version("apim")}"', '"version": "VERSION"') for name, text in made.items()
    }


@pytest.mark.parametrize("name", texts())
def test_a_format_writes_what_it_wrote(name: str) -> None:
    assert (GOLDEN / name).read_bytes().decode() == texts()[name]


def test_there_is_no_file_of_a_format_that_is_gone() -> None:
    assert sorted(texts()) == sorted(each.name for each in GOLDEN.iterdir())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["json", "code-climate", "gitlab"])
def test_lists_are_json_with_an_item_for_each_finding(name: str, kind: str) -> None:
    assert len(KINDS[kind]) == len(json.loads(formatted(report(KINDS[kind]), name)))


def test_junit_is_xml_with_a_case_for_each_failure() -> None:
    root = ElementTree.fromstring(formatted(report(FINDINGS), "junit").encode())

    assert ["", EVENTS, ORDERS] == [suite.get("name") for suite in root]
    assert [1, 1, 1] == [len(suite) for suite in root]  # the rest is less than a warning
    for suite in root:
        assert str(len(suite)) == suite.get("tests") == suite.get("failures")
        for case in suite:
            assert ["failure"] == [each.tag for each in case]
    told = root[1][0][0]
    assert "]]>" in (told.text or "")
    assert "\x07" not in (told.text or "") + (told.get("message") or "")
    assert [] == list(ElementTree.fromstring(formatted(report(()), "junit").encode()))


def lines(name: str) -> list[str]:
    """What a program reads that breaks lines wherever anybody does."""
    return formatted(report(FINDINGS), name).splitlines()


def test_no_message_becomes_a_command_of_github_actions() -> None:
    assert len(FINDINGS) == len(lines("github-actions"))
    assert all(
        re.match(r"::(error|warning|notice) title=[^:]*,file=[^:,]*(%2C[^:,]*)?,col=", each)
        for each in lines("github-actions")
    )


def test_no_message_becomes_one_of_teamcity() -> None:
    assert 2 * len(FINDINGS) == len(lines("teamcity"))
    assert all(re.fullmatch(r"##teamcity\[(?:[^'\[\]|]|'(?:[^'|\[\]]|\|.)*')*\]", each) for each in lines("teamcity"))


def test_each_finding_is_one_row_of_markdown() -> None:
    rows = lines("markdown")

    assert len(FINDINGS) + 2 == len(rows)
    assert {8} == {len(re.findall(r"(?<!\\)\|", row)) for row in rows}


@pytest.mark.parametrize("name", ["stylish", "pretty", "text"])
def test_no_message_gives_orders_to_a_terminal(name: str) -> None:
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", formatted(report(FINDINGS), name))


class Page(HTMLParser):
    """The elements of a page, and what stands in its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[-1] += data


def test_the_page_is_whole_tells_everything_and_loads_nothing() -> None:
    page = Page(formatted(report(FINDINGS), "html"))

    assert [] == page.open
    assert 5 * len(FINDINGS) == len(page.cells)
    assert [each.message.replace("\r\n", "\n") for each in FINDINGS] == [
        cell.replace("\r\n", "\n") for cell in page.cells[2::5]
    ]
    assert [each.code for each in FINDINGS] == page.cells[3::5]
    assert {"script", "link", "img", "iframe", "b"} & {tag for tag, _ in page.elements} <= {"b"}
    assert ["https://example.com/rules?a=1&b=2"] == [each["href"] for tag, each in page.elements if tag == "a"]
    assert [] == [each for _, each in page.elements if "src" in each or any(name.startswith("on") for name in each)]


def test_a_page_links_to_nothing_that_runs() -> None:
    evil = finding("a", "b", Severity.ERROR, ORDERS, 0, documentation_url="javascript:alert(1)")

    assert "javascript:" not in formatted(report((evil,)), "html")


def test_sarif_is_what_its_standard_says() -> None:
    """SARIF 2.1.0: sections 3.13 (log), 3.14 (run), 3.19 (tool), 3.27 (result), 3.28 (location), 3.30 (region)."""
    log = json.loads(formatted(report(FINDINGS), "sarif"))

    assert "2.1.0" == log["version"]
    (run,) = log["runs"]
    rules, artifacts = run["tool"]["driver"]["rules"], run["artifacts"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(rule["shortDescription"]["text"] for rule in rules)
    assert len(FINDINGS) == len(run["results"])
    for result, each in zip(run["results"], FINDINGS, strict=True):
        assert result["level"] in ("none", "note", "warning", "error")
        assert each.message == result["message"]["text"]
        if "ruleIndex" in result:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert artifacts[place["artifactLocation"]["index"]]["location"]["uri"] == place["artifactLocation"]["uri"]
        region = place["region"]
        assert 1 <= region["startLine"] <= region["endLine"]
        assert min(region["startColumn"], region["endColumn"]) >= 1
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/!$&'()*+,;=:@-]|%[0-9A-F]{2})*", place["artifactLocation"]["uri"])


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for path in GOLDEN.iterdir():
        path.unlink()
    for file, content in texts().items():
        (GOLDEN / file).write_bytes(content.encode())
