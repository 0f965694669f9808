"""Every part of a configuration knows where it was written."""

from pathlib import Path
from typing import Any

from apim_core.config import Configuration


def test_every_part_knows_its_line(design: Configuration) -> None:
    (api,) = design.apis
    parts: list[Any] = [
        api,
        api.endpoint,
        api.plans[1],
        api.plans[1].authentication,
        api.flows.request[1],
        design.sinks[0],
    ]
    parts += [
        api.operations[2],
        api.operations[2].flows.request[0],
        design.applications[0],
        design.key_managers["main"],
    ]
    parts += [design.applications[0].subscriptions[0], design.flows.entry[0], design.listen[0], design.management]

    assert [10, 14, 19, 20, 24, 6, 28, 30, 32, 4, 34, 8, 2, 2] == [design.locate(part.source).line for part in parts]


def test_a_step_is_located_at_its_plugin(design: Configuration) -> None:
    location = design.locate(design.apis[0].flows.request[1].source)

    assert ("gateway.yaml", 24, 11) == (Path(location.file).name, location.line, location.column)


def test_an_operation_of_a_definition_is_located_in_it(design: Configuration) -> None:
    location = design.locate(design.apis[0].operations[1].source)

    assert ("orders.openapi.yaml", 7, 5) == (Path(location.file).name, location.line, location.column)


def test_a_file_that_is_gone_has_no_lines(design: Configuration, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").unlink()

    assert design.locate(design.apis[0].source).line is None
