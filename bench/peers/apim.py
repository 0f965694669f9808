"""Our gateway: `apim run FILE` with one worker."""

from pathlib import Path
from typing import Any

import attrs
import yaml

from bench.install import Tools
from bench.peers.peer import Launch
from bench.process import free_port
from bench.service import (
    API_KEY_HEADER,
    CONTEXT,
    GENERATION_HEADER,
    REQUEST_HEADER_REMOVED,
    REQUEST_HEADERS_SET,
    RESPONSE_HEADER_REMOVED,
    RESPONSE_HEADERS_SET,
    Service,
)
from bench.tokens import APPLICATIONS, AUDIENCE, ISSUER, SCOPE

CONFIGURATION = "gateway.yaml"
NEVER_REACHED = 1_000_000_000
REMEMBERED_BY_DEFAULT = 10_000
"""Verified tokens."""
PLAIN_LIMIT_KEYS = ("ip", "api", "operation", "plan")
LIMIT_KEYS = ("api", "application", "principal.subject")
"""Limits beside the plan's own, which is the one per subscription."""
OPERATIONS = ("GET /items/{id}", "PUT /items/{id}", "DELETE /items/{id}", "GET /items", "POST /items")


@attrs.frozen
class Apim:
    """One worker process, installed beside the Python interpreter that `Tools` names."""

    name: str = "apim"

    def configure(self, service: Service, port: int, folder: Path, tools: Tools) -> Launch:
        """Write `gateway.yaml`, and the key set where there are tokens."""
        if service.tokens:
            (folder / "jwks.json").write_text(service.tokens.key_set)
        path = folder / CONFIGURATION
        path.write_text(yaml.dump(gateway(service, port, folder), Dumper=yaml.CSafeDumper, sort_keys=False))
        return Launch((str(tools.path("apim")), "run", str(path)))


def gateway(service: Service, port: int, folder: Path) -> dict[str, Any]:
    """The whole configuration as the mapping that the YAML file holds."""
    listen: Any = f"127.0.0.1:{port}"
    if service.certificate:
        files = {"certificate": str(service.certificate.certificate), "key": str(service.certificate.key)}
        listen = [{"address": listen, "tls": files}]
    document: dict[str, Any] = {"listen": listen, "management": {"listen": f"127.0.0.1:{free_port()}"}}
    if service.introspection_port:
        document["egress"] = {"allow": ["127.0.0.1/32"]}
        issuer = f"http://127.0.0.1:{service.introspection_port}"
        credentials = {"id": "gateway", "secret": "only-a-benchmark"}
        server = {"issuer": issuer, "introspection_endpoint": f"{issuer}/introspect", "credentials": credentials}
        document["key_managers"] = {"main": {"oidc": server}}
    if service.tokens:
        document["key_managers"] = {"main": {"oidc": {"issuer": ISSUER, "jwks": {"file": str(folder / "jwks.json")}}}}
    if service.tokens and not service.only_authenticate:
        document["sinks"] = [{"jsonl": {"path": str(folder / "access.jsonl")}}]
    if service.generation:
        marker = {"name": GENERATION_HEADER, "value": generation_mark(service.generation)}
        document["flows"] = {"response": [{"set-header": marker}]}
    document["apis"] = [_api(service, number) for number in range(service.apis)]
    if applications := _applications(service):
        document["applications"] = applications
    return document


def generation_mark(generation: int) -> str:
    """A header value that is found nowhere else in the file, so that text replacement makes the next generation."""
    return f"generation-{generation:08d}"


def context(number: int) -> str:
    """The context path of an API; the first has the one that every row calls."""
    return CONTEXT if number == 0 else f"/service-{number:05d}/1.0"


def _api(service: Service, number: int) -> dict[str, Any]:
    api: dict[str, Any] = {
        "name": "orders" if number == 0 else f"service-{number:05d}",
        "version": "1.0",
        "context": context(number),
        "endpoint": {"http": {"url": f"http://127.0.0.1:{service.backend_port}"}},
        "plans": [_plan(service)],
    }
    if flows := _flows(service):
        api["flows"] = flows
    scopes = {"scopes": [SCOPE]} if service.tokens and not service.only_authenticate else {}
    api["operations"] = [{"match": operation, **scopes} for operation in OPERATIONS]
    return api


def _plan(service: Service) -> dict[str, Any]:
    if service.tokens:
        authentication: dict[str, Any] = {"key_manager": "main", "audience": [AUDIENCE], "client_id_claim": "azp"}
        if len(service.tokens.tokens) > REMEMBERED_BY_DEFAULT:
            authentication |= {"cache_tokens": len(service.tokens.tokens), "cache_size": "1GiB"}
        plan = {"name": "gold", "authentication": {"jwt": authentication}}
        return plan if service.only_authenticate else {**plan, "limits": [{"requests": NEVER_REACHED, "per": "1s"}]}
    if service.introspection_port:
        return {"name": "gold", "authentication": {"oauth2": {"key_manager": "main", "client_id_claim": "client_id"}}}
    if service.users:
        users = {name: {"password": password} for name, password in service.users}
        return {"name": "people", "authentication": {"basic": {"users": users}}}
    if service.api_keys:
        return {"name": "partners", "authentication": {"api-key": {"header": API_KEY_HEADER}}}
    return {"name": "public", "authentication": {"keyless": {}}}


def _flows(service: Service) -> dict[str, Any]:
    request: list[Any] = []
    response: list[Any] = []
    if service.tokens and not service.only_authenticate:
        limit = {"requests": NEVER_REACHED, "per": "1s"}
        request += [{"rate-limit": {**limit, "key": key}} for key in LIMIT_KEYS]
    if service.cached:
        request.append({"cache": {"ttl": "1h"}})
    for key in PLAIN_LIMIT_KEYS[: service.limits]:
        request.append({"rate-limit": {"requests": NEVER_REACHED, "per": "1s", "key": key}})
    if service.header_policies:
        request += [{"set-header": {"name": name, "value": value}} for name, value in REQUEST_HEADERS_SET]
        request.append({"remove-header": {"name": REQUEST_HEADER_REMOVED}})
        response += [{"set-header": {"name": name, "value": value}} for name, value in RESPONSE_HEADERS_SET]
        response.append({"remove-header": {"name": RESPONSE_HEADER_REMOVED}})
    return {name: steps for name, steps in (("request", request), ("response", response)) if steps}


def _applications(service: Service) -> list[dict[str, Any]]:
    if service.tokens or service.introspection_port:
        subscribed = [{"api": "orders", "plan": "gold"}]
        return [
            {"name": client, "keys": [{"client_id": client}], "subscriptions": subscribed} for client in APPLICATIONS
        ]
    subscribed = [{"api": "orders", "plan": "partners"}]
    return [
        {"name": f"client-{number}", "keys": [{"api-key": key}], "subscriptions": subscribed}
        for number, key in enumerate(service.api_keys)
    ]
