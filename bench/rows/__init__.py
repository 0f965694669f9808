"""The rows of the benchmark, in the order in which they run."""

from typing import Protocol

from bench.report import RowReport
from bench.rows import (
    api_key,
    cached,
    credentials,
    events,
    large_body,
    limits,
    medium_body,
    plain,
    policies,
    post,
    reload,
    reloads,
    scale,
    secured,
    tls,
)
from bench.stage import Stage


class Row(Protocol):
    """One line of work with its budgets."""

    @property
    def name(self) -> str:
        """What `--rows` calls it."""

    @property
    def title(self) -> str:
        """What it does, for people."""

    def run(self, stage: Stage) -> RowReport:
        """Measure."""


ROWS: tuple[Row, ...] = (
    plain.ROW,
    secured.ROW,
    policies.ROW,
    cached.ROW,
    limits.ROW,
    api_key.ROW,
    credentials.ROW,
    scale.ROW,
    large_body.ROW,
    events.ROW,
    reload.ROW,
    medium_body.ROW,
    tls.ROW,
    post.ROW,
)
LONG_ROWS: tuple[Row, ...] = (reloads.ROW,)
"""Run only when `--rows` names them."""
