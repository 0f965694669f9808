"""What the peers' configurations say."""

import json

import pytest
import yaml

from bench.install import Tools
from bench.peers import PEERS
from bench.service import Service, Unsupported
from bench.tokens import Tokens

TOKENS = Tokens('{"keys":[]}', ("a.b.c", "d.e.f"), 0.0)


@pytest.fixture
def tools(tmp_path):
    return Tools({name: tmp_path / name for name in PEERS}, {}, {})


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_has_a_configuration_for_the_plain_proxy(peer, tools, tmp_path):
    launch = PEERS[peer].configure(Service(backend_port=9001), 8080, tmp_path, tools)
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert str(tmp_path / peer) == launch.command[0]
    assert "127.0.0.1:9001" in written or '"port_value": 9001' in written


def test_a_peer_refuses_what_it_has_no_configuration_for(tools, tmp_path):
    with pytest.raises(Unsupported, match=r"caddy\.py has no configuration for tokens"):
        PEERS["caddy"].configure(Service(9001, tokens=TOKENS), 8080, tmp_path, tools)


def test_envoy_caches_as_many_tokens_as_there_are(tools, tmp_path):
    PEERS["envoy"].configure(Service(9001, tokens=TOKENS), 8080, tmp_path, tools)
    assert '"jwt_cache_size": 2' in (tmp_path / "envoy.json").read_text()
    json.loads((tmp_path / "envoy.json").read_text())


def test_our_gateway_checks_tokens_scope_subscription_and_four_limits_and_writes_records(tools, tmp_path):
    PEERS["apim"].configure(Service(9001, tokens=TOKENS), 8080, tmp_path, tools)
    document = yaml.safe_load((tmp_path / "gateway.yaml").read_text())
    (api,) = document["apis"]
    (plan,) = api["plans"]
    assert "jwt" in plan["authentication"]
    assert 1 == len(plan["limits"])
    assert [step["rate-limit"]["key"] for step in api["flows"]["request"]] == [
        "api",
        "application",
        "principal.subject",
    ]
    assert all(operation["scopes"] == ["orders.read"] for operation in api["operations"])
    assert {"orders"} == {each["api"] for one in document["applications"] for each in one["subscriptions"]}
    assert ["jsonl"] == [name for sink in document["sinks"] for name in sink]


def test_ten_header_policies_are_ten_steps(tools, tmp_path):
    PEERS["apim"].configure(Service(9001, header_policies=True), 8080, tmp_path, tools)
    flows = yaml.safe_load((tmp_path / "gateway.yaml").read_text())["apis"][0]["flows"]
    assert {name: len(steps) for name, steps in flows.items()} == {"request": 5, "response": 5}


def test_many_apis_have_contexts_of_their_own_and_five_operations_each(tools, tmp_path):
    PEERS["apim"].configure(Service(9001, apis=20), 8080, tmp_path, tools)
    apis = yaml.safe_load((tmp_path / "gateway.yaml").read_text())["apis"]
    assert 20 == len({api["context"] for api in apis})
    assert {5} == {len(api["operations"]) for api in apis}
