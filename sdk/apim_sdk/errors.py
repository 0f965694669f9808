"""How an exchange ends early, and the catalogue of errors that clients see.

``raise Reject(...)`` refuses, ``raise Respond(...)`` answers in the endpoint's stead. Codes and messages are those that
clients of WSO2 API Manager know; the keys are the names by which a response template replaces a body, where Gravitee
has one it is Gravitee's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from apim_sdk.messages import Response, reason_phrase

__all__ = ["ErrorKind", "EvaluationError", "Fault", "Reject", "Respond", "catalogue"]


@attrs.frozen
class ErrorKind:
    """One kind of error: what a client can rely on.

    ``key`` is its name in response templates and records, ``code`` the code in the body, ``status`` the HTTP status,
    ``message`` its fixed short text; ``description`` is the default of the longer one.
    """

    key: str
    code: str
    status: int
    message: str
    description: str = ""


class Fault(Exception):
    """An exchange that failed. Carries the kind of error and what is particular to this one.

    ``description`` is shown to the client, so it must not hold what the client may not know; ``detail`` is for the
    operator's log and record only.
    """

    def __init__(
        self,
        kind: ErrorKind,
        description: str | None = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        fields: Mapping[str, Any] = MappingProxyType({}),
        detail: str | None = None,
    ) -> None:
        super().__init__(description or kind.description or kind.message)
        self.kind = kind
        self.description = description if description is not None else kind.description
        self.headers = headers
        self.fields = fields
        """More members of the body, such as ``nextAccessTime``."""
        self.detail = detail
        self.policy: str | None = None
        """Name of the step that raised it; the pipeline fills it in."""

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self.kind.status


class Reject(Fault):
    """A refusal, by a policy or an authenticator.

    ``Reject(403, "why")`` makes a plain error of that status; ``Reject(INVALID_CREDENTIALS, "why")`` takes one from
    the catalogue.
    """

    def __init__(
        self,
        kind: ErrorKind | int,
        description: str | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        fields: Mapping[str, Any] = MappingProxyType({}),
        detail: str | None = None,
    ) -> None:
        if isinstance(kind, int):
            if not 400 <= kind <= 599:
                raise ValueError(f"{kind} is no error status: a Reject takes 400 to 599")
            phrase = reason_phrase(kind) or "Error"
            kind = ErrorKind(key or phrase.upper().replace(" ", "_"), str(kind), kind, phrase)
        elif key is not None:
            kind = attrs.evolve(kind, key=key)
        super().__init__(kind, description, headers=headers, fields=fields, detail=detail)


class Respond(Exception):
    """An answer that stands in for the endpoint: cached, mocked, a preflight. The RESPONSE flow runs on it."""

    __slots__ = ("response",)

    def __init__(self, response: Response) -> None:
        self.response = response

    def __str__(self) -> str:
        return f"answered with {self.response.status}"


class EvaluationError(ValueError):
    """A CEL expression that compiled had an error on this exchange (CEL: an evaluation error)."""


# Authentication and authorization
AUTHENTICATION_FAILURE = ErrorKind("AUTHENTICATION_FAILURE", "900900", 500, "Unclassified Authentication Failure")
INVALID_CREDENTIALS = ErrorKind(
    "INVALID_CREDENTIALS",
    "900901",
    401,
    "Invalid Credentials",
    "Make sure you have provided the correct security credentials",
)
MISSING_CREDENTIALS = ErrorKind(
    "MISSING_CREDENTIALS",
    "900902",
    401,
    "Missing Credentials",
    "Make sure your API invocation call carries a credential of a kind that this API takes",
)
INCORRECT_TOKEN_TYPE = ErrorKind(
    "INCORRECT_TOKEN_TYPE",
    "900905",
    401,
    "Incorrect Access Token Type",
    "This kind of token is not accepted here",
)
NO_MATCHING_OPERATION = ErrorKind(
    "NO_MATCHING_OPERATION",
    "900906",
    404,
    "Not Found",
    "No matching resource found for given API Request",
)
NO_SANDBOX = ErrorKind(
    "NO_SANDBOX",
    "900901",
    403,
    "Invalid Credentials",
    "This is a sandbox key, and the API has no sandbox endpoint",
)
NO_PRODUCTION = ErrorKind(
    "NO_PRODUCTION",
    "900901",
    403,
    "Invalid Credentials",
    "This is a production key, and the API has no production endpoint",
)
PRODUCTION_KEY_AT_SANDBOX = ErrorKind(
    "PRODUCTION_KEY_AT_SANDBOX",
    "900901",
    401,
    "Invalid Credentials",
    "Production Key Provided for Sandbox Gateway",
)
SANDBOX_KEY_AT_PRODUCTION = ErrorKind(
    "SANDBOX_KEY_AT_PRODUCTION",
    "900901",
    401,
    "Invalid Credentials",
    "Sandbox Key Provided for Production Gateway",
)
SUBSCRIPTION_BLOCKED = ErrorKind(
    "SUBSCRIPTION_BLOCKED",
    "900907",
    401,
    "The requested API is temporarily blocked",
    "The subscription is blocked",
)
NOT_SUBSCRIBED = ErrorKind(
    "NOT_SUBSCRIBED",
    "900908",
    403,
    "Resource forbidden",
    "The application is not subscribed to this API by this plan",
)
SUBSCRIPTION_INACTIVE = ErrorKind(
    "SUBSCRIPTION_INACTIVE",
    "900909",
    401,
    "The subscription to the API is inactive",
    "The subscription is inactive",
)
INSUFFICIENT_SCOPE = ErrorKind(
    "INSUFFICIENT_SCOPE",
    "900910",
    403,
    "The access token does not allow you to access the requested resource",
    "The credential lacks a scope that this operation requires",
)
CLAIM_MISMATCH = ErrorKind("CLAIM_MISMATCH", "900912", 403, "Claim Mismatch", "A claim of the token is not as required")
CLAIM_MISSING = ErrorKind("CLAIM_MISSING", "900913", 403, "Claim Missing", "The token lacks a claim that is required")
INVALID_AUDIENCE = ErrorKind(
    "INVALID_AUDIENCE", "900914", 403, "Access Denied", "The token was not issued for this API"
)
AUTHORIZATION_DENIED = ErrorKind(
    "AUTHORIZATION_DENIED", "901101", 403, "Access Denied", "A policy does not allow this call"
)
AUTHORIZATION_FAILURE = ErrorKind(
    "AUTHORIZATION_FAILURE", "901102", 500, "Policy Evaluation Failed", "Whether this is allowed cannot be told now"
)
AUTHORIZATION_ANSWER_INVALID = ErrorKind(
    "AUTHORIZATION_ANSWER_INVALID",
    "901103",
    500,
    "Policy Evaluation Failed",
    "Whether this call is allowed was not answered as it should",
)
PLAN_RESOLUTION_FAILURE = ErrorKind(
    "GATEWAY_PLAN_RESOLUTION_FAILURE",
    "900900",
    503,
    "Service Unavailable",
    "The credential could not be checked now",
)

# Limits
API_LIMIT_EXCEEDED = ErrorKind("API_LIMIT_EXCEEDED", "900800", 429, "Message throttled out")
BACKEND_LIMIT_EXCEEDED = ErrorKind("BACKEND_LIMIT_EXCEEDED", "900801", 503, "API Limit Reached")
OPERATION_LIMIT_EXCEEDED = ErrorKind("OPERATION_LIMIT_EXCEEDED", "900802", 429, "Message throttled out")
APPLICATION_LIMIT_EXCEEDED = ErrorKind("APPLICATION_LIMIT_EXCEEDED", "900803", 429, "Message throttled out")
SUBSCRIPTION_LIMIT_EXCEEDED = ErrorKind("SUBSCRIPTION_LIMIT_EXCEEDED", "900804", 429, "Message throttled out")
DENIED = ErrorKind("DENIED", "900805", 403, "Message blocked", "You have been blocked from accessing the resource")
CUSTOM_LIMIT_EXCEEDED = ErrorKind("CUSTOM_LIMIT_EXCEEDED", "900806", 429, "Message throttled out")
SUBSCRIPTION_BURST_EXCEEDED = ErrorKind("SUBSCRIPTION_BURST_EXCEEDED", "900807", 429, "Message throttled out")
APPLICATION_BURST_EXCEEDED = ErrorKind("APPLICATION_BURST_EXCEEDED", "900809", 429, "Message throttled out")
LIMIT_UNDECIDED = ErrorKind(
    "LIMIT_UNDECIDED", "503", 503, "Service Unavailable", "Whether this call is within its limit cannot be told now"
)
EVENT_LIMIT_EXCEEDED = ErrorKind(
    "EVENT_LIMIT_EXCEEDED", "900808", 429, "Message throttled out", "You have exceeded your limit of events"
)
CONCURRENCY_LIMIT_EXCEEDED = ErrorKind(
    "CONCURRENCY_LIMIT_EXCEEDED", "900808", 429, "Message throttled out", "Too many of your calls are under way at once"
)

# Dispatch and the request itself
NOT_FOUND = ErrorKind("NOT_FOUND", "404", 404, "Not Found", "The requested resource is not available.")
METHOD_NOT_ALLOWED = ErrorKind(
    "METHOD_NOT_ALLOWED", "405", 405, "Method Not Allowed", "Method not allowed for given API resource"
)
BAD_REQUEST = ErrorKind("GATEWAY_INVALID_REQUEST", "400", 400, "Bad Request")
REQUEST_TIMEOUT = ErrorKind("CLIENT_TIMEOUT", "408", 408, "Request Timeout", "The request did not arrive in time")
LENGTH_REQUIRED = ErrorKind("REQUEST_CONTENT_LIMIT_LENGTH_REQUIRED", "411", 411, "Length Required")
CONTENT_TOO_LARGE = ErrorKind("REQUEST_CONTENT_LIMIT_TOO_LARGE", "413", 413, "Content Too Large")
URI_TOO_LONG = ErrorKind("URI_TOO_LONG", "414", 414, "URI Too Long")
HEADERS_TOO_LARGE = ErrorKind("HEADERS_TOO_LARGE", "431", 431, "Request Header Fields Too Large")
EXPECTATION_FAILED = ErrorKind("EXPECTATION_FAILED", "417", 417, "Expectation Failed")
INCOMPLETE_PAYLOAD = ErrorKind("INCOMPLETE_PAYLOAD", "102511", 400, "Incomplete payload", "The body ended too early")
NOT_IMPLEMENTED = ErrorKind("NOT_IMPLEMENTED", "501", 501, "Not Implemented")
VERSION_NOT_SUPPORTED = ErrorKind("VERSION_NOT_SUPPORTED", "505", 505, "HTTP Version Not Supported")
LOOP_DETECTED = ErrorKind(
    "LOOP_DETECTED", "508", 508, "Loop Detected", "The request came back to the gateway that sent it"
)
CORS_PREFLIGHT_FAILED = ErrorKind(
    "CORS_PREFLIGHT_FAILED", "400", 400, "Bad Request", "The preflight request is refused"
)
TOO_BUSY = ErrorKind("GATEWAY_TOO_BUSY", "503", 503, "Service Unavailable", "The gateway is at its limit of requests")
OVERLOADED = ErrorKind(
    "GATEWAY_OVERLOADED", "503", 503, "Service Unavailable", "The gateway is overloaded: try again later"
)

# The endpoint
ENDPOINT_SEND_FAILED = ErrorKind("GATEWAY_CLIENT_CONNECTION_ERROR", "101500", 502, "Bad Gateway", "Error in Sender")
ENDPOINT_RECEIVE_FAILED = ErrorKind("ENDPOINT_RECEIVE_FAILED", "101501", 502, "Bad Gateway", "Error in Receiver")
ENDPOINT_CONNECTION_FAILED = ErrorKind(
    "GATEWAY_CLIENT_CONNECTION_ERROR", "101503", 502, "Bad Gateway", "The backend cannot be reached"
)
ENDPOINT_TIMEOUT = ErrorKind("REQUEST_TIMEOUT", "101504", 504, "Gateway Timeout", "The backend did not answer in time")
ENDPOINT_CONNECTION_CLOSED = ErrorKind(
    "ENDPOINT_CONNECTION_CLOSED", "101505", 502, "Bad Gateway", "The backend closed the connection"
)
ENDPOINT_PROTOCOL_VIOLATION = ErrorKind(
    "GATEWAY_INVALID_RESPONSE", "101506", 502, "Bad Gateway", "The backend's answer is not valid HTTP"
)
ENDPOINT_CONNECT_TIMEOUT = ErrorKind(
    "REQUEST_TIMEOUT", "101508", 504, "Gateway Timeout", "The backend did not accept a connection in time"
)
ENDPOINT_BUSY = ErrorKind(
    "NO_ENDPOINT_FOUND", "303002", 503, "Service Unavailable", "All connections to the backend are in use"
)
ENDPOINT_SUSPENDED = ErrorKind("ENDPOINT_SUSPENDED", "303001", 503, "Service Unavailable", "The backend is suspended")
ENDPOINT_FULL = ErrorKind(
    "ENDPOINT_FULL",
    "303002",
    503,
    "Service Unavailable",
    "As many calls to the backend as it can take are under way",
)

# The gateway itself
POLICY_FAILURE = ErrorKind(
    "GATEWAY_POLICY_INTERNAL_ERROR",
    "500",
    500,
    "Internal Server Error",
    "The gateway could not process the request",
)
CONDITION_FAILURE = ErrorKind(
    "CONDITION_FAILURE", "500", 500, "Internal Server Error", "The gateway could not process the request"
)


def catalogue() -> tuple[ErrorKind, ...]:
    """Every error kind that the gateway and its own plugins answer with, in order of this module."""
    return tuple(value for value in globals().values() if isinstance(value, ErrorKind))
