"""OpenAPI and Swagger documents -> operations."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apim_core.config.documents import parse
from apim_core.definitions import DefinedOperation, Definition, Dialect, describe

CONFORMANCE = Path(__file__).resolve().parents[2] / "../shared/conformance"
needs_conformance = pytest.mark.skipif(
    not CONFORMANCE.is_dir(), reason="the conformance data is not beside the project"
)


def operations(document: dict[str, Any]) -> list[DefinedOperation]:
    definition = describe({"openapi": "3.1.0", **document})
    assert () == definition.problems
    return list(definition.operations)


def problems(document: Any) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.message) for problem in describe(document).problems]


@pytest.mark.parametrize(
    ("document", "dialect"),
    [
        ({"swagger": "2.0"}, Dialect.SWAGGER_2),
        ({"swagger": 2.0}, Dialect.SWAGGER_2),
        ({"openapi": "3.0.0"}, Dialect.OPENAPI_3_0),
        ({"openapi": "3.0.4-rc1"}, Dialect.OPENAPI_3_0),
        ({"openapi": "3.1.0"}, Dialect.OPENAPI_3_1),
        ({"openapi": 3.1}, Dialect.OPENAPI_3_1),
    ],
)
def test_a_document_says_which_specification_it_follows(document: dict[str, Any], dialect: Dialect) -> None:
    assert Definition(dialect, ()) == describe(document)


@pytest.mark.parametrize(
    ("document", "pointer", "message"),
    [
        ({"openapi": "3.2.0"}, "/openapi", "openapi 3.2.0 is not known"),
        ({"openapi": "2.0"}, "/openapi", "openapi 2.0 is not known"),
        ({"swagger": "3.0.0"}, "/swagger", "swagger 3.0.0 is not known"),
        ({"swagger": "1.2"}, "/swagger", "swagger 1.2 is not known"),
        ({"openapi": None}, "/openapi", "openapi None is not known"),
        ({"asyncapi": "2.6.0"}, "/asyncapi", "an AsyncAPI document has no HTTP operations"),
        ({"paths": {}}, "", "the document names neither 'openapi' nor 'swagger'"),
        ([], "", "the document is no mapping"),
        (None, "", "the document is no mapping"),
    ],
)
def test_any_other_document_is_refused(document: Any, pointer: str, message: str) -> None:
    assert [(pointer, message)] == problems(document)


def test_every_method_of_a_path_is_an_operation() -> None:
    methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]
    item = {method: {"operationId": f"{method}It"} for method in methods}
    found = operations({"paths": {"/a/{b}": {**item, "parameters": [], "summary": "A", "x-more": {}}}})

    assert [(method.upper(), "/a/{b}", f"{method}It") for method in methods] == [
        (o.method, o.path, o.id) for o in found
    ]


def test_swagger_2_has_no_trace() -> None:
    document = {"swagger": "2.0", "basePath": "/v1", "paths": {"/a": {"get": {}, "trace": {}}}}

    assert [("GET", "/a")] == [(each.method, each.path) for each in describe(document).operations]


def test_an_operation_points_to_its_place() -> None:
    assert ["/paths/~1a~1{b}/get"] == [each.pointer for each in operations({"paths": {"/a/{b}": {"get": {}}}})]


def test_extensions_among_the_paths_are_passed_over() -> None:
    assert [] == operations({"paths": {"x-note": "anything"}})


def test_a_document_may_have_no_paths() -> None:
    assert [] == operations({}) == operations({"paths": None}) == operations({"paths": {"/a": None}})


def test_a_path_item_may_stand_elsewhere_in_the_document() -> None:
    document = {
        "paths": {
            "/a": {"$ref": "#/components/pathItems/a~1b"},
            "/c": {"$ref": "#/paths/~1a", "get": {"operationId": "c"}},
        },
        "components": {"pathItems": {"a/b": {"get": {"operationId": "get"}, "post": {"operationId": "post"}}}},
    }

    assert [
        ("GET", "/a", "get", "/components/pathItems/a~1b/get"),
        ("POST", "/a", "post", "/components/pathItems/a~1b/post"),
        ("GET", "/c", "c", "/paths/~1c/get"),
        ("POST", "/c", "post", "/components/pathItems/a~1b/post"),
    ] == [(each.method, each.path, each.id, each.pointer) for each in operations(document)]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("other.yaml#/a", "'other.yaml#/a' is another document, and those are not read"),
        ("http://127.0.0.1:1/a", "'http://127.0.0.1:1/a' is another document, and those are not read"),
        ("#/nowhere", "'#/nowhere' names nothing in this document"),
        ("#nowhere", "'#nowhere' names nothing in this document"),
        ("#/paths/~1a", "'#/paths/~1a' leads through more than 16 references"),
        (7, "a $ref must be text"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem(reference: Any, message: str) -> None:
    document = {"openapi": "3.1.0", "paths": {"/a": {"$ref": reference}}}

    assert [("/paths/~1a/$ref", message)] == problems(document)


def test_what_is_shaped_wrongly_is_named_and_the_rest_is_read() -> None:
    document = {
        "openapi": "3.0.3",
        "paths": {
            "a": {},
            "/b": [],
            "/c": {"get": "x", "put": {"operationId": 7}},
            "/d": {"get": {"operationId": "d"}},
        },
    }

    assert [
        ("/paths/a", "the path 'a' does not begin with '/'"),
        ("/paths/~1b", "this must be a mapping"),
        ("/paths/~1c/get", "this must be a mapping"),
        ("/paths/~1c/put/operationId", "operationId must be text"),
    ] == problems(document)
    assert "d" == describe(document).operations[-1].id


names = st.sampled_from(["openapi", "swagger", "paths", "/a", "get", "$ref", "security", "oauth", "components", "type"])
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["3.1.0", "2.0", "#/paths", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None)
@given(json_like, json_like, json_like)
def test_no_data_makes_it_raise(paths: Any, security: Any, components: Any) -> None:
    describe(paths)
    describe({"openapi": "3.1.0", "paths": {"/a": paths}, "security": security, "components": components})


def passing() -> list[Path]:
    found = CONFORMANCE.glob("oas-schema-passfail/*/pass/**/*") if CONFORMANCE.is_dir() else ()
    documents = (file for file in found if file.suffix in (".yaml", ".json") and file.stat().st_size)
    return sorted(file for file in documents if "subdir1" not in file.parts)  # parts of another document


EXTERNAL = {"externalPathItemRef.yaml", "index.yaml"}
"""Their path items stand in other documents, which are not read."""


@needs_conformance
@pytest.mark.parametrize("file", passing(), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_documents_that_are_valid_are_read_without_a_problem(file: Path) -> None:
    document = parse(file.read_bytes(), file.name)
    found = [problem.message for problem in describe(document).problems]

    assert (file.name in EXTERNAL) == bool(found)
    assert all("another document" in message for message in found)


@needs_conformance
@pytest.mark.parametrize(
    ("name", "dialect", "count"),
    [
        ("docker.yaml", Dialect.SWAGGER_2, 107),
        ("github.json", Dialect.OPENAPI_3_0, 1223),
        ("kubernetes.yaml", Dialect.SWAGGER_2, 1067),
        ("stripe.json", Dialect.OPENAPI_3_0, 452),
        ("twilio.json", Dialect.OPENAPI_3_0, 197),
    ],
)
def test_large_real_documents_are_read(name: str, dialect: Dialect, count: int) -> None:
    with gzip.open(CONFORMANCE / "openapi-large" / f"{name}.gz") as file:
        definition = describe(parse(file.read(), name))

    assert (dialect, count, ()) == (definition.dialect, len(definition.operations), definition.problems)
