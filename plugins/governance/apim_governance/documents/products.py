"""Formats of gateways' own definitions: our configuration, WSO2 API projects, Gravitee definitions of version 4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["api", "configuration", "gravitee", "wso2_api"]

_OTHERS: Final = ("swagger", "openapi", "asyncapi", "arazzo", "$schema")
_OURS: Final = ("plans", "endpoint", "operations", "definition", "flows")
_WSO2: Final = ("endpointConfig", "lifeCycleStatus", "policies", "endpointImplementationType")


def api(data: Any) -> bool:
    """One API of our configuration: an element of ``apis``."""
    return _named(data) and not _wso2_payload(data) and any(name in data for name in _OURS)


def configuration(data: Any) -> bool:
    """A file of our configuration that has APIs."""
    if not isinstance(data, dict) or any(name in data for name in _OTHERS):
        return False
    apis = data.get("apis")
    return isinstance(apis, list) and bool(apis) and all(isinstance(each, dict) and "context" in each for each in apis)


def wso2_api(data: Any) -> bool:
    """``api.yaml`` of a WSO2 API project, or the body that its Publisher takes."""
    if isinstance(data, dict) and isinstance(data.get("data"), dict):
        return data.get("type") in ("api", "api_product") and _named(data["data"])
    return _named(data) and _wso2_payload(data)


def gravitee(kind: str) -> Callable[[Any], bool]:
    """A definition of version 4 of that type, as it is exported or as a gateway holds it."""

    def recognise(data: Any) -> bool:
        if not isinstance(data, dict):
            return False
        held = data.get("api", data)
        if not isinstance(held, dict):
            return False
        version = held.get("definitionVersion", held.get("gravitee"))
        known = isinstance(version, str) and version.upper().removeprefix("V").partition(".")[0] == "4"
        return known and isinstance(held.get("type"), str) and held["type"].lower() == kind

    return recognise


def _named(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and isinstance(data.get("name"), str)
        and isinstance(data.get("context"), str)
        and not any(name in data for name in _OTHERS)
    )


def _wso2_payload(data: dict[str, Any]) -> bool:
    operations = data.get("operations")
    listed = operations if isinstance(operations, list) else []
    return any(name in data for name in _WSO2) or any(isinstance(each, dict) and "verb" in each for each in listed)
