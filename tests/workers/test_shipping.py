"""A configuration arrives at a worker as the supervisor read it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from apim_core.config import load
from apim_core.workers.shipping import pack, unpack

CONFIGURATION = """
    listen: [127.0.0.1:8080, {address: "[::1]:8443", proxy_protocol: true}]
    trusted_proxies: [10.0.0.0/8]
    timeouts: {drain: 1m30s}
    limits: {body: 1MiB}
    apis:
      - name: orders
        context: /orders
        hosts: [api.example.com]
        endpoint: {http: {url: "http://127.0.0.1:9000"}}
        plans:
          - name: gold
            authentication: {api-key: {header: X-API-Key}}
            limits: [{requests: 10, per: 1m}]
            when: request.method == 'GET'
        flows:
          request: [{set-header: {name: X-A, value: "{{ request.method }}"}, when: request.path != '/x'}]
        operations: [{match: "GET /{id}", scopes: [read]}]
        response_templates: {DEFAULT: {status: 418, body: "{{ request.path }}"}}
    applications:
      - name: shop
        keys: [{api-key: "${env:KEY}"}]
        subscriptions: [{api: orders, plan: gold}]
"""


def test_a_configuration_arrives_as_it_was_sent(tmp_path: Path) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(textwrap.dedent(CONFIGURATION))
    sent = load(file, environment={"KEY": "s3cret"})

    arrived = unpack(pack(sent))

    assert sent == arrived
    assert arrived.applications[0].keys[0].value.reveal() == "s3cret"
    assert str(sent.locate(sent.apis[0].source)) == str(arrived.locate(arrived.apis[0].source))


def test_expressions_are_compiled_where_they_arrive(tmp_path: Path) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(textwrap.dedent(CONFIGURATION))

    condition = unpack(pack(load(file, environment={"KEY": "x"}))).apis[0].plans[0].when

    assert condition is not None
    assert callable(condition.evaluate)
