"""Early ends of an exchange, and the catalogue of errors."""

import pytest
from apim_sdk import EvaluationError, Fault, Reject, Respond, Response, errors


def test_a_reject_by_status_is_an_error_of_its_own():
    reject = Reject(403, "This address may not call the API")

    assert ("FORBIDDEN", "403", 403, "Forbidden") == (
        reject.kind.key,
        reject.kind.code,
        reject.kind.status,
        reject.kind.message,
    )
    assert "This address may not call the API" == reject.description == str(reject)


def test_a_reject_may_have_a_key_of_its_own():
    assert "UNKNOWN_TEAM" == Reject(403, key="UNKNOWN_TEAM").kind.key
    assert ("CLOSED", "900805") == (
        Reject(errors.DENIED, key="CLOSED").kind.key,
        Reject(errors.DENIED, key="CLOSED").kind.code,
    )


def test_a_reject_of_the_catalogue_says_what_the_catalogue_says_unless_told():
    assert errors.INVALID_CREDENTIALS.description == Reject(errors.INVALID_CREDENTIALS).description
    assert "expired" == Reject(errors.INVALID_CREDENTIALS, "expired").description


@pytest.mark.parametrize("status", [200, 302, 399, 600])
def test_a_reject_is_an_error_status(status):
    with pytest.raises(ValueError, match=f"{status} is no error status"):
        Reject(status)


def test_a_status_without_a_phrase_can_be_rejected_with():
    assert ("ERROR", 499) == (Reject(499).kind.key, Reject(499).status)


def test_the_detail_for_operators_is_not_in_the_text_for_clients():
    fault = Fault(errors.ENDPOINT_TIMEOUT, detail="10.0.0.7 did not answer")

    assert "10.0.0.7" not in f"{fault} {fault.description}"


def test_headers_and_fields_come_with_a_fault():
    fault = Reject(errors.API_LIMIT_EXCEEDED, headers={"Retry-After": "1"}, fields={"nextAccessTime": "later"})

    assert ({"Retry-After": "1"}, {"nextAccessTime": "later"}) == (fault.headers, fault.fields)


def test_a_respond_is_no_fault():
    answer = Respond(Response(203))

    assert not isinstance(answer, Fault)
    assert (203, "answered with 203") == (answer.response.status, str(answer))


def test_an_evaluation_error_is_a_value_error():
    assert issubclass(EvaluationError, ValueError)


@pytest.mark.parametrize("kind", errors.catalogue(), ids=lambda kind: kind.key)
def test_each_kind_of_error_is_an_error_status_with_a_code_and_a_message(kind):
    assert 400 <= kind.status <= 599
    assert kind.code.isdigit()
    assert kind.message


def test_the_codes_are_those_that_clients_of_wso2_know():
    known = {"900901": 401, "900902": 401, "900906": 404, "900908": 403, "900910": 403, "900800": 429, "900803": 429}

    assert known.items() <= {(kind.code, kind.status) for kind in errors.catalogue()}


def test_a_key_and_a_code_stand_for_one_status():
    kinds = errors.catalogue()

    assert len({kind.key for kind in kinds}) == len({(kind.key, kind.status) for kind in kinds})
