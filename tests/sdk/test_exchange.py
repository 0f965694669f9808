"""The exchange, and the record of it."""

from ipaddress import ip_address

import pytest
from apim_sdk import API, Application, Client, Exchange, Fault, Operation, Plan, Principal, Record, Request, errors
from apim_sdk.testing import make_exchange, make_headers


def test_variables_belong_to_one_exchange():
    first, second = make_exchange(), make_exchange()
    first.variables["tier"] = "gold"

    assert ({"tier": "gold"}, {}) == (first.variables, second.variables)


def test_an_exchange_begins_with_nothing_known():
    exchange = Exchange(Request(), Client(ip_address("203.0.113.7")))

    assert [None] * 6 == [
        exchange.response,
        exchange.plan,
        exchange.principal,
        exchange.application,
        exchange.subscription,
        exchange.fault,
    ]
    assert {} == dict(exchange.path_parameters)


def test_an_operation_is_labelled_by_method_and_template():
    assert "GET /orders/{id}" == Operation("GET", "/orders/{id}").label


def test_the_peer_is_the_client_where_no_proxy_is_trusted():
    client = Client(ip_address("203.0.113.7"))

    assert client.address == client.peer


def test_a_repr_shows_nothing_of_the_client():
    assert "<Exchange GET /orders>" == repr(make_exchange("GET /orders?token=secret", {"Authorization": "secret"}))


def test_a_record_takes_what_is_known_of_a_finished_exchange():
    exchange = make_exchange(
        "GET /orders/7?token=secret",
        api=API("orders", "1.0", "/orders"),
        operation=Operation("GET", "/orders/{id}"),
        plan=Plan("gold"),
        principal=Principal("ada"),
        application=Application("shop", "1"),
        host="api.example",
    )
    exchange.timings.started, exchange.timings.endpoint_started = 10.0, 10.25
    exchange.timings.endpoint_finished, exchange.timings.finished = 10.5, 11.0
    record = Record(exchange, 200, timestamp=1_700_000_000.0)

    assert ("orders", "1.0", "GET /orders/{id}") == (record.api, record.version, record.operation)
    assert ("gold", "shop", "ada") == (record.plan, record.application, record.subject)
    assert ("GET", "api.example", "/orders/7", 200) == (record.method, record.host, record.path, record.status)
    assert (1.0, 0.25) == (record.duration, record.endpoint_duration)
    assert [None] * 4 == [record.error_key, record.error_code, record.error_detail, record.policy]


def test_a_record_of_a_request_that_matched_nothing_says_so():
    exchange = Exchange(Request("GET", "/nowhere"), Client(ip_address("203.0.113.7")))
    exchange.fault = Fault(errors.NOT_FOUND, detail="no API")
    record = Record(exchange, 404, timestamp=0.0)

    assert [None] * 3 == [record.api, record.operation, record.plan]
    assert ("NOT_FOUND", "404", "no API", 0.0) == (
        record.error_key,
        record.error_code,
        record.error_detail,
        record.endpoint_duration,
    )


def test_a_record_names_the_step_that_refused():
    exchange = make_exchange()
    exchange.fault = Fault(errors.DENIED)
    exchange.fault.policy = "ip-filter"

    assert "ip-filter" == Record(exchange, 403, timestamp=0.0).policy


def test_an_exchange_that_failed_at_the_endpoint_took_until_its_end():
    exchange = make_exchange()
    exchange.timings.endpoint_started, exchange.timings.finished = 2.0, 5.0

    assert 3.0 == Record(exchange, 502, timestamp=0.0).endpoint_duration


@pytest.mark.parametrize("name", ["responce", "note"])
def test_an_exchange_takes_no_attributes_of_chance(name):
    with pytest.raises(AttributeError):
        setattr(make_exchange(), name, 1)


def test_an_interim_answer_goes_to_whoever_has_a_way_to_the_client():
    sent = []

    class Wire:
        def interim(self, status, headers):
            sent.append((status, headers["link"]))

    exchange = make_exchange()
    exchange.interim(103, make_headers({"Link": "</a>"}))  # nobody has
    exchange._wire = Wire()
    exchange.interim(103, make_headers({"Link": "</b>"}))

    assert [(103, "</b>")] == sent


@pytest.mark.parametrize("status", [99, 100, 101, 200, 404])
def test_a_status_that_is_not_interim_is_refused(status):
    with pytest.raises(ValueError, match="102 to 199"):
        make_exchange().interim(status, make_headers({}))
