"""Rules after the OWASP API Security Top 10: what some of them find, and their name for Spectral."""

from __future__ import annotations

from apim_governance.catalogue import Catalogue
from support.linting import found

DOCUMENT = """\
openapi: 3.1.0
info: {title: Orders, version: 1.0.0}
servers: [{url: "https://api.example.com"}]
paths:
  /orders/{id}:
    delete:
      parameters: [{name: id, in: path, required: true, schema: {type: string, format: uuid}}]
      responses: {"204": {description: gone}}
"""


def test_an_operation_that_changes_something_needs_a_credential() -> None:
    open_to_all = found("owasp", DOCUMENT)
    assert ("owasp:api2:2023-write-restricted", 6) in open_to_all

    guarded = found("owasp", DOCUMENT + "security: [{key: []}]\n")
    assert "owasp:api2:2023-write-restricted" not in {code for code, _ in guarded}


def test_administrators_come_in_by_other_means() -> None:
    requirement = "security: [{key: []}]"
    operation = f"{{get: {{{requirement}, responses: {{}}}}}}"
    text = f"{DOCUMENT}  /admin/orders: {operation}\n  /orders: {operation}\n"

    assert ("owasp:api5:2023-admin-security-unique", 9) in found("owasp", text)


def test_it_goes_by_the_name_that_it_has_for_spectral_too() -> None:
    named = Catalogue().ruleset("@stoplight/spectral-owasp-ruleset")

    assert named == Catalogue().ruleset("owasp")
