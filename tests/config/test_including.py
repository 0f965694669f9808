"""Several files as one configuration."""

from collections.abc import Callable
from pathlib import Path

from apim_core.config import SourceRef, load

Write = Callable[..., Path]
Messages = Callable[..., list[str]]


def test_included_files_add_to_lists_and_merge_into_mappings(write: Write) -> None:
    path = write(
        gateway="""
        include: [apis, "more/*.yaml", single.yaml]
        apis: [{name: first, context: /first}]
        flows: {request: [{one: {}}]}
        """,
        apis__b="apis: [{name: b, context: /b}]",
        apis__a="apis: [{name: a, context: /a}]",
        more__c="apis: [{name: c, context: /c}]\nflows: {request: [{two: {}}], response: [{three: {}}]}",
        single="apis: [{name: d, context: /d}]\nlog: {level: debug}",
    )
    configuration = load(path, {})

    assert ["first", "a", "b", "c", "d"] == [api.name for api in configuration.apis]
    assert ["one", "two"] == [step.plugin.name for step in configuration.flows.request]
    assert ["three"] == [step.plugin.name for step in configuration.flows.response]
    assert "debug" == configuration.log.level


def test_what_was_included_is_located_in_its_own_file(tmp_path: Path, write: Write) -> None:
    path = write(
        gateway="include: [apis]\nflows: {request: [{one: {}}]}\napis:\n  - {name: first, context: /first}",
        apis__a="flows:\n  request:\n    - two: {}\napis:\n  - name: a\n    context: /a",
    )
    configuration = load(path, {})
    inside = str(tmp_path / "apis" / "a.yaml")

    assert SourceRef(inside, "/flows/request/0/two") == configuration.flows.request[1].source
    assert SourceRef(inside, "/apis/0") == configuration.apis[1].source
    assert 5 == configuration.locate(configuration.apis[1].source).line


def test_paths_in_an_included_file_are_relative_to_it(tmp_path: Path, write: Write, definition: str) -> None:
    path = write(
        gateway="include: [apis]",
        apis__a="include: [../more/b.yaml]",
        more__b="apis: [{name: b, context: /b, definition: definitions/b.yaml}]",
        more__definitions__b=definition,
    )
    (api,) = load(path, {}).apis

    assert tmp_path / "more/definitions/b.yaml" == api.definition
    assert 4 == len(api.operations)


def test_files_that_agree_on_a_value_do_not_conflict(write: Write) -> None:
    path = write(gateway="include: [b.yaml]\nworkers: 2", b="workers: 2")

    assert 2 == load(path, {}).workers


def test_a_file_is_read_once_however_folders_and_patterns_overlap(tmp_path: Path, write: Write) -> None:
    path = write(gateway='include: [".", "*.yaml", "**/*.yaml"]\nworkers: 2', b="apis: [{name: b, context: /b}]")
    (tmp_path / ".hidden.yaml").write_text("workers: 5")

    assert ["b"] == [api.name for api in load(path, {}).apis]


def test_an_alias_that_two_files_share_in_one_is_not_changed_by_merging(write: Write) -> None:
    path = write(
        gateway="include: [b.yaml]\nflows:\n  request: &steps [{one: {}}]\n  response: *steps",
        b="flows: {request: [{two: {}}]}",
    )
    flows = load(path, {}).flows

    assert (["one", "two"], ["one"]) == tuple([step.plugin.name for step in f] for f in (flows.request, flows.response))


def test_problems_of_all_files_come_together(write: Write, messages: Messages) -> None:
    path = write(
        gateway="include: [a.yaml, b.yaml, c.yaml]\nworkers: x",
        a="apis: [",
        b="log: {level: loud}",
        c="apis: [{name: c, context: /c, conext: /d}]",
    )

    assert ["gateway.yaml:2", "a.yaml:2", "b.yaml:1", "c.yaml:1"] == [said.split(": ")[0] for said in messages(path)]
