"""Rules for AsyncAPI: what some of them find, and that all of them can be switched on."""

from __future__ import annotations

from apim_governance.catalogue import Catalogue
from support.linting import found, linter

DOCUMENT = """\
asyncapi: 2.6.0
info: {title: Lights, version: 1.0.0}
channels:
  lights/{id}/on:
    parameters: {id: {description: Which, schema: {type: string}}}
    publish: {operationId: on, message: {messageId: turned, payload: {type: object}}}
"""


def test_parameters_of_a_channel_are_described() -> None:
    before = {code for code, _ in found("spectral:asyncapi", DOCUMENT)}
    text = DOCUMENT.replace("lights/{id}/on:", "lights/{number}/on:")

    assert "asyncapi-channel-parameters" not in before
    assert ("asyncapi-channel-parameters", 5) in found("spectral:asyncapi", text)


def test_no_two_operations_have_the_same_id() -> None:
    text = DOCUMENT + "  lights: {publish: {operationId: on, message: {payload: {type: object}}}}\n"

    assert ("asyncapi-2-operation-operationId-uniqueness", 7) in found("spectral:asyncapi", text) or (
        "asyncapi-operation-operationId-uniqueness",
        7,
    ) in found("spectral:asyncapi", text)


def test_every_rule_can_be_switched_on() -> None:
    shipped = Catalogue().ruleset("spectral:asyncapi")
    assert shipped is not None

    assert shipped.definition()["rules"].keys() == linter("spectral:asyncapi")._ruleset.rules.keys()
