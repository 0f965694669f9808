"""Rules for OpenAPI: what some of them find, and that all of them can be switched on."""

from __future__ import annotations

from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import read_document
from support.linting import found, linter

DOCUMENT = """\
openapi: 3.0.3
info: {title: Orders, version: 1.0.0, contact: {name: a, url: "https://a.io", email: a@a.io}, description: All}
servers: [{url: "https://api.orders.io"}]
tags: [{name: orders}]
paths:
  /orders/{id}:
    get:
      operationId: order
      description: One order
      tags: [orders]
      parameters: [{$ref: "#/components/parameters/id"}]
      responses: {"200": {description: found}}
components:
  parameters:
    id: {name: id, in: path, required: true, description: Number, schema: {type: string}}
"""


def test_a_good_document_has_no_findings_but_for_what_is_not_recommended() -> None:
    assert {"info-license", "license-url", "tag-description"} == {code for code, _ in found("spectral:oas", DOCUMENT)}


def test_a_finding_behind_a_reference_is_told_where_it_is_written() -> None:
    text = DOCUMENT.replace("in: path, required: true", "in: path")

    findings = linter("spectral:oas").lint(read_document(text, "orders.yaml"))

    assert [(14, ("components", "parameters", "id"))] == [
        (finding.range.start.line, finding.path) for finding in findings if finding.code == "path-params"
    ]


def test_a_path_and_its_parameters_must_fit() -> None:
    text = DOCUMENT.replace("/orders/{id}:", "/orders/{number}:")

    assert [("path-params", 7), ("path-params", 11)] == [
        each for each in found("spectral:oas", text) if each[0] == "path-params"
    ]


def test_every_rule_can_be_switched_on() -> None:
    shipped = Catalogue().ruleset("spectral:oas")
    assert shipped is not None

    assert shipped.definition()["rules"].keys() == linter("spectral:oas")._ruleset.rules.keys()
