"""All that a plugin may import."""

from apim_sdk import errors
from apim_sdk.authenticator import Authenticator
from apim_sdk.body import Body, BodyError, BodyTooLarge, BrokenBody, Source
from apim_sdk.context import Applications, Clock, Context, Fetched, Logger, Metrics, Revocations, Upstream
from apim_sdk.counters import CounterMetrics, CounterStore, SharedCounter
from apim_sdk.counting import Grant, Limit
from apim_sdk.endpoint import Endpoint, SequenceEndpoint
from apim_sdk.errors import ErrorKind, EvaluationError, Fault, Reject, Respond
from apim_sdk.exchange import API, Exchange, Operation, Plan, Timings
from apim_sdk.fields import Duration, Expression, MessageExpression, Regex, Secret, Size, Template
from apim_sdk.governance import (
    GovernedDocument,
    Governor,
    Judgement,
    RuleContext,
    RulesetFunction,
    ShippedRuleset,
    Violation,
)
from apim_sdk.headers import HeaderEdit, HeaderField, Headers, PreparedHeaders
from apim_sdk.hookspecs import hookimpl
from apim_sdk.identity import (
    ANONYMOUS,
    Application,
    ApplicationKey,
    Client,
    Credential,
    KeyType,
    Principal,
    Subscription,
    SubscriptionState,
    TLSInfo,
)
from apim_sdk.importer import Importer
from apim_sdk.key_manager import (
    ClientField,
    ClientRegistration,
    IssuedToken,
    KeyManager,
    KeyManagerError,
    RegisteredClient,
    Unsupported,
)
from apim_sdk.messages import Request, Response, Tunnel
from apim_sdk.plugin import Plugin, Posture, Status, state
from apim_sdk.policy import Policy, Send
from apim_sdk.record import Record
from apim_sdk.resources import Resource, ResourceError, ResourceRequest
from apim_sdk.secrets import SecretProvider
from apim_sdk.sink import Sink
from apim_sdk.stores import Batch, Change, Store
from apim_sdk.streams import Close, Drop, Message, MessageTotals
from apim_sdk.upstream import UpstreamSettings

__all__ = [
    "ANONYMOUS",
    "API",
    "Application",
    "ApplicationKey",
    "Applications",
    "Authenticator",
    "Batch",
    "Body",
    "BodyError",
    "BodyTooLarge",
    "BrokenBody",
    "Change",
    "Client",
    "ClientField",
    "ClientRegistration",
    "Clock",
    "Close",
    "Context",
    "CounterMetrics",
    "CounterStore",
    "Credential",
    "Drop",
    "Duration",
    "Endpoint",
    "ErrorKind",
    "EvaluationError",
    "Exchange",
    "Expression",
    "Fault",
    "Fetched",
    "GovernedDocument",
    "Governor",
    "Grant",
    "HeaderEdit",
    "HeaderField",
    "Headers",
    "Importer",
    "IssuedToken",
    "Judgement",
    "KeyManager",
    "KeyManagerError",
    "KeyType",
    "Limit",
    "Logger",
    "Message",
    "MessageExpression",
    "MessageTotals",
    "Metrics",
    "Operation",
    "Plan",
    "Plugin",
    "Policy",
    "Posture",
    "PreparedHeaders",
    "Principal",
    "Record",
    "Regex",
    "RegisteredClient",
    "Reject",
    "Request",
    "Resource",
    "ResourceError",
    "ResourceRequest",
    "Respond",
    "Response",
    "Revocations",
    "RuleContext",
    "RulesetFunction",
    "Secret",
    "SecretProvider",
    "Send",
    "SequenceEndpoint",
    "SharedCounter",
    "ShippedRuleset",
    "Sink",
    "Size",
    "Source",
    "Status",
    "Store",
    "Subscription",
    "SubscriptionState",
    "TLSInfo",
    "Template",
    "Timings",
    "Tunnel",
    "Unsupported",
    "Upstream",
    "UpstreamSettings",
    "Violation",
    "errors",
    "hookimpl",
    "state",
]
