"""Security Schemes of AsyncAPI, in the notation of ``shipped.structures``."""

from __future__ import annotations

from typing import Any, Final

from apim_governance.shipped.structures import object_of

__all__ = ["security_schemes"]

_DESCRIBED: Final = "description:text"
_TABLES: Final = {
    "user_password": f"type!:=userPassword {_DESCRIBED}",
    "api_key": f"type!:=apiKey in!:user|password {_DESCRIBED}",
    "x509": f"type!:=X509 {_DESCRIBED}",
    "symmetric": f"type!:=symmetricEncryption {_DESCRIBED}",
    "asymmetric": f"type!:=asymmetricEncryption {_DESCRIBED}",
    "http_bearer": f"type!:=http scheme!:=bearer bearerFormat:text {_DESCRIBED}",
    "http_api_key": f"type!:=httpApiKey name!:text in!:header|query|cookie {_DESCRIBED}",
    "sasl_plain": f"type!:=plain {_DESCRIBED}",
    "sasl_scram": f"type!:scramSha256|scramSha512 {_DESCRIBED}",
    "sasl_gssapi": f"type!:=gssapi {_DESCRIBED}",
}
_FLOWS: Final = {
    "implicit": (("authorizationUrl",), "tokenUrl"),
    "password": (("tokenUrl",), "authorizationUrl"),
    "clientCredentials": (("tokenUrl",), "authorizationUrl"),
    "authorizationCode": (("authorizationUrl", "tokenUrl"), None),
}
"""The URLs that a flow must have, and the one that it may not."""


def security_schemes(scopes: str, sasl: bool, named_scopes: str = "") -> dict[str, Any]:
    """Definitions of ``security`` and its parts.

    ``scopes`` is the member of a flow that lists them, ``sasl`` whether there are such schemes, and ``named_scopes``
    the member of schemes that lists those that are needed.
    """
    schemes = ["user_password", "api_key", "x509", "symmetric", "asymmetric", "http", "oauth2", "open_id_connect"]
    parts = {name: object_of(members) for name, members in _TABLES.items()}
    parts["http_other"] = {
        "not": {"type": "object", "properties": {"scheme": {"type": "string", "enum": ["bearer"]}}},
        **object_of(f"scheme!:text type!:=http {_DESCRIBED}"),
    }
    parts["http"] = _one_of("http_other", "http_bearer", "http_api_key")
    parts["sasl"] = _one_of("sasl_plain", "sasl_scram", "sasl_gssapi")
    parts["oauth2"] = object_of(f"type!:=oauth2 flows!:flows {_DESCRIBED} {named_scopes}")
    del parts["oauth2"]["additionalProperties"]
    parts["flow"] = object_of(f"authorizationUrl:uri tokenUrl:uri refreshUrl:uri {scopes}:{{text}}")
    parts["flows"] = {
        "type": "object",
        "properties": {name: _flow((*needed, scopes), barred) for name, (needed, barred) in _FLOWS.items()},
        "additionalProperties": False,
    }
    parts["open_id_connect"] = object_of(f"type!:=openIdConnect openIdConnectUrl!:uri {_DESCRIBED} {named_scopes}")
    return {**parts, "security": _one_of(*schemes, *(["sasl"] if sasl else []))}


def _one_of(*names: str) -> dict[str, Any]:
    return {"oneOf": [{"$ref": f"#/definitions/{name}"} for name in names]}


def _flow(needed: tuple[str, ...], barred: str | None) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"$ref": "#/definitions/flow"}, {"required": list(needed)}]
    if barred is not None:
        parts.append({"not": {"required": [barred]}})
    return {"allOf": parts}
