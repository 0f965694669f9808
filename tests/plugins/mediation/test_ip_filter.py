"""Clients are refused by their addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, collapse_addresses, ip_address

import pytest
from apim_mediation.ip_filter import IPFilter
from apim_sdk import Client
from apim_sdk.errors import DENIED
from apim_sdk.testing import build, call, make_exchange
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", 200),
        ("192.0.2.66", 403),
        ("198.51.100.1", 403),
        ("2001:db8::1", 200),
        ("2001:db9::1", 403),
        ("0.0.0.1", 403),
        ("255.255.255.255", 403),
    ],
)
def test_who_is_allowed_and_not_denied_may_call(address: str, expected: int) -> None:
    policy = build(IPFilter, {"allow": ["192.0.2.0/24", "2001:db8::/32"], "deny": ["192.0.2.66"]})

    assert expected == call(policy, make_exchange(client=address)).status


@pytest.mark.parametrize(("address", "expected"), [("192.0.2.1", 403), ("198.51.100.1", 200), ("::1", 200)])
def test_without_a_list_of_who_may_call_only_the_denied_may_not(address: str, expected: int) -> None:
    assert expected == call(build(IPFilter, {"deny": ["192.0.2.0/24"]}), make_exchange(client=address)).status


def test_the_refusal_tells_the_operator_and_not_the_client_which_address_it_was() -> None:
    fault = call(build(IPFilter, {"deny": ["192.0.2.1"]}), make_exchange(client="192.0.2.1")).fault

    assert fault is not None
    assert (DENIED, "192.0.2.1 may not call") == (fault.kind, fault.detail)
    assert "192.0.2.1" not in fault.description


def test_the_address_behind_a_trusted_proxy_decides() -> None:
    client = Client(ip_address("192.0.2.1"), peer=ip_address("10.0.0.1"), trusted=True)

    assert 403 == call(build(IPFilter, {"deny": ["192.0.2.1"]}), make_exchange(client=client)).status
    assert 200 == call(build(IPFilter, {"deny": ["10.0.0.1"]}), make_exchange(client=client)).status


def test_a_filter_for_nobody_is_refused() -> None:
    with pytest.raises(Exception, match="say who may call"):
        build(IPFilter, {})


@given(
    networks=st.lists(
        st.builds(
            lambda number, prefix: IPv4Network((number & ~0xFF, prefix), strict=False),
            st.integers(0, 0xFFFF),
            st.integers(20, 32),
        ),
        min_size=1,
        max_size=12,
    ),
    number=st.integers(0, 0x1FFFF),
)
@settings(max_examples=300, deadline=None)
def test_an_address_is_found_where_a_network_holds_it(networks: list[IPv4Network], number: int) -> None:
    address = IPv4Address(number)
    policy = IPFilter(allow=tuple(networks))

    expected = 200 if any(address in network for network in collapse_addresses(networks)) else 403

    assert expected == call(policy, make_exchange(client=Client(address))).status
