"""Reports as text for people."""

from collections.abc import Iterable

from bench.report import Finding, RowReport, Sample, middle, of

VERDICTS = {True: "holds", False: "BROKEN", None: ""}
HEADINGS = ("", "CPU us/request", "requests/s", "p50 ms", "p99 ms", "errors", "others")


def columns(lines: Iterable[tuple[str, ...]]) -> str:
    """Align cells: the first to the left, figures to the right."""
    rows = [tuple(line) for line in lines]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]

    def aligned(row: tuple[str, ...]) -> str:
        first, *others = (
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join([first, *others]).rstrip()

    return "\n".join(f"  {aligned(row)}" for row in rows)


def sample_line(sample: Sample) -> tuple[str, ...]:
    """One contestant."""
    return (
        sample.contestant,
        f"{sample.cpu_us:.1f}",
        f"{sample.per_second:,.0f}",
        f"{sample.p50_ms:.2f}",
        f"{sample.p99_ms:.2f}",
        f"{sample.errors}",
        f"{sample.others:.0%}",
    )


def number(value: float) -> str:
    """Whole numbers without a point, others with the places that matter."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.2f}"


def calmness(finding: Finding) -> str:
    """How far the spread is that of undisturbed rounds; nothing where all were."""
    if finding.rounds is None or finding.calm_rounds == finding.rounds:
        return ""
    if not finding.calm_rounds:
        return ", no calm round"
    return f", {finding.calm_rounds} calm of {finding.rounds}"


def finding_line(finding: Finding) -> tuple[str, ...]:
    """One value, its spread, its budget and the verdict."""
    spread = ""
    if finding.least is not None and finding.greatest is not None:
        spread = f"({number(finding.least)} .. {number(finding.greatest)}{calmness(finding)})"
    budget = "" if finding.budget is None else f"<= {number(finding.budget)} {finding.unit}".rstrip()
    value = f"{number(finding.value)} {finding.unit}".rstrip()
    return (finding.what, value, spread, budget, VERDICTS[finding.holds])


def row_text(report: RowReport) -> str:
    """A row with its contestants in the order in which they ran, its findings and its notes."""
    parts = [f"{report.name}: {report.title}"]
    if names := tuple(dict.fromkeys(sample.contestant for sample in report.samples)):
        lines = [sample_line(middle(of(report.samples, name))) for name in names]
        parts.append(columns([HEADINGS, *lines]))
    if report.findings:
        parts.append(columns([finding_line(finding) for finding in report.findings]))
    parts += [f"  note: {note}" for note in report.notes]
    parts += [f"  FAILED: {failure}" for failure in report.failures]
    return "\n".join(parts)


def verdict_text(reports: Iterable[RowReport]) -> str:
    """All budgets in one list, at the end of a run."""
    judged = [
        (f"{report.name}: {finding.what}", *finding_line(finding)[1:])
        for report in reports
        for finding in report.findings
        if finding.holds is not None
    ]
    return columns(judged) if judged else "  no budget was measured"
