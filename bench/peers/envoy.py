"""Envoy as a reverse proxy, with its own filters for what a row adds."""

import json
from pathlib import Path
from typing import Any

import attrs

from bench.install import Tools
from bench.peers.peer import Launch
from bench.service import (
    API_KEY_HEADER,
    REQUEST_HEADER_REMOVED,
    REQUEST_HEADERS_SET,
    RESPONSE_HEADER_REMOVED,
    RESPONSE_HEADERS_SET,
    Service,
    refuse,
)
from bench.tokens import AUDIENCE, ISSUER, Tokens

TYPES = "type.googleapis.com/envoy.extensions"
RECORD_FIELDS = {
    "time": "%START_TIME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "method": "%REQ(:METHOD)%",
    "host": "%REQ(:AUTHORITY)%",
    "path": "%REQ(:PATH)%",
    "route": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
    "upstream": "%UPSTREAM_HOST%",
    "user_agent": "%REQ(USER-AGENT)%",
}


@attrs.frozen
class Envoy:
    """One worker thread (`--concurrency 1`)."""

    name: str = "envoy"

    def configure(self, service: Service, port: int, folder: Path, tools: Tools) -> Launch:
        """Write `envoy.json`."""
        refuse(self.name, service, "certificate", "tokens", "api_keys", "header_policies", "limits")
        path = folder / "envoy.json"
        path.write_text(json.dumps(_bootstrap(service, port, folder), indent=1))
        options = ("--concurrency", "1", "--disable-hot-restart", "-l", "error")
        return Launch((str(tools.path("envoy")), "-c", str(path), *options))


def _bootstrap(service: Service, port: int, folder: Path) -> dict[str, Any]:
    chain: dict[str, Any] = {"filters": [_typed("envoy.http_connection_manager", _connection_manager(service, folder))]}
    if service.certificate:
        chain["transport_socket"] = _typed("envoy.transport_sockets.tls", _tls(service))
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "static_resources": {
            "listeners": [{"name": "gateway", "address": address, "filter_chains": [chain]}],
            "clusters": [_cluster(service.backend_port)],
        }
    }


def _typed(name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "typed_config": config}


def _connection_manager(service: Service, folder: Path) -> dict[str, Any]:
    manager: dict[str, Any] = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "use_remote_address": True,
        "normalize_path": True,
        "route_config": _routes(service),
        "http_filters": [*_filters(service), _router()],
    }
    if service.tokens:
        manager["access_log"] = [_access_log(folder / "envoy-access.log")]
    return manager


def _routes(service: Service) -> dict[str, Any]:
    host: dict[str, Any] = {
        "name": "all",
        "domains": ["*"],
        "routes": [{"name": "orders", "match": {"prefix": "/"}, "route": {"cluster": "backend"}}],
    }
    if service.header_policies:
        host["request_headers_to_add"] = [_header(*pair) for pair in REQUEST_HEADERS_SET]
        host["request_headers_to_remove"] = [REQUEST_HEADER_REMOVED]
        host["response_headers_to_add"] = [_header(*pair) for pair in RESPONSE_HEADERS_SET]
        host["response_headers_to_remove"] = [RESPONSE_HEADER_REMOVED]
    return {"name": "routes", "virtual_hosts": [host]}


def _header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _filters(service: Service) -> list[dict[str, Any]]:
    filters = []
    if service.api_keys:
        filters.append(_api_key(service.api_keys))
    if service.tokens:
        filters += [_jwt(service.tokens), _rate_limit()]
    if service.limits:
        filters.append(_rate_limit())
    return filters


def _api_key(keys: tuple[str, ...]) -> dict[str, Any]:
    config = {
        "@type": f"{TYPES}.filters.http.api_key_auth.v3.ApiKeyAuth",
        "credentials": [{"key": key, "client": f"client-{number}"} for number, key in enumerate(keys)],
        "key_sources": [{"header": API_KEY_HEADER}],
    }
    return _typed("envoy.filters.http.api_key_auth", config)


def _jwt(tokens: Tokens) -> dict[str, Any]:
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": tokens.key_set},
        "jwt_cache_config": {"jwt_cache_size": len(tokens.tokens)},
    }
    config = {
        "@type": f"{TYPES}.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"main": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "main"}}],
    }
    return _typed("envoy.filters.http.jwt_authn", config)


def _rate_limit() -> dict[str, Any]:
    whole = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    config = {
        "@type": f"{TYPES}.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "limit",
        "token_bucket": {
            "max_tokens": 1_000_000_000,
            "tokens_per_fill": 1_000_000_000,
            "fill_interval": "1s",
        },
        "filter_enabled": whole,
        "filter_enforced": whole,
    }
    return _typed("envoy.filters.http.local_ratelimit", config)


def _router() -> dict[str, Any]:
    return _typed("envoy.filters.http.router", {"@type": f"{TYPES}.filters.http.router.v3.Router"})


def _access_log(path: Path) -> dict[str, Any]:
    config = {
        "@type": f"{TYPES}.access_loggers.file.v3.FileAccessLog",
        "path": str(path),
        "log_format": {"json_format": RECORD_FIELDS},
    }
    return _typed("envoy.access_loggers.file", config)


def _tls(service: Service) -> dict[str, Any]:
    assert service.certificate is not None
    pair = {
        "certificate_chain": {"filename": str(service.certificate.certificate)},
        "private_key": {"filename": str(service.certificate.key)},
    }
    return {
        "@type": f"{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [pair]},
    }


def _cluster(backend_port: int) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": backend_port}}
    endpoint = {"endpoint": {"address": address}}
    return {
        "name": "backend",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "backend", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
