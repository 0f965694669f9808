"""``gitlab``: a report of code quality for GitLab."""

from __future__ import annotations

from apim_governance.formatters.code_climate import text

__all__ = ["text"]
