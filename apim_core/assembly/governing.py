"""Governance of a configuration: the documents that it is judged by, and what comes of the judgements.

Files are read again as text, as they were written: judgements need their lines, and must not see secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from apim_sdk.governance import GovernedDocument, Governor, Judgement
from apim_sdk.plugin import Plugin

from apim_core.config import Configuration, Problem, SourceRef
from apim_core.config.documents import read
from apim_core.registry import Registry

__all__ = ["blocking", "judge"]

_BLOCKED = "903300"
"""The code of a configuration that governance policies block."""


def judge(
    governor: Governor, configuration: Configuration, plugins: Iterable[Plugin], registry: Registry
) -> tuple[Judgement, ...]:
    """All that a governor has to say. Raises ValueError where it cannot judge, for whatever reason."""
    documents = [*_documents(configuration), *_of_plugins(plugins, registry)]
    try:
        return tuple(governor.judge(documents))
    except ValueError:
        raise
    except Exception as error:  # what is not judged must not be served
        raise ValueError(f"{type(error).__name__}: {error}") from error


def blocking(judgements: Iterable[Judgement]) -> list[Problem]:
    """Why a configuration must not be served."""
    return [
        Problem(
            judgement.source,
            judgement.line,
            judgement.column,
            "",
            f"{_BLOCKED} blocked by the governance policy {judgement.policy!r}: {judgement.message} ({judgement.rule})",
            "mend it, or ask for a waiver",
        )
        for judgement in judgements
        if judgement.blocks
    ]


def _documents(configuration: Configuration) -> Iterator[GovernedDocument]:
    """Each API as it is written, and its definition."""
    texts: dict[str, str] = {}
    for api in configuration.apis:
        source: SourceRef = api.source
        places = [(source.file, source.pointer)]
        if api.definition is not None:
            places.append((str(api.definition), ""))
        for file, pointer in places:
            if file not in texts:
                texts[file] = _text(file)
            yield GovernedDocument(api.name, api.version, texts[file], file, pointer, api.labels)


def _of_plugins(plugins: Iterable[Plugin], registry: Registry) -> Iterator[GovernedDocument]:
    for plugin in plugins:
        for answered in registry.hooks.hook.apim_governed_documents(plugin=plugin):
            yield from answered


def _text(file: str) -> str:
    try:
        return read(Path(file)).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read again: {error}") from error
