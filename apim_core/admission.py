"""Admission: which plan a client comes in by, who it is, and whether it may call the operation.

Plans are tried in the order in which they stand. Those whose credential the request carries are judged; ``keyless``
finds nothing in a request, so a plan of it only serves those who presented nothing: it never rescues a bad credential.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from time import time
from types import MappingProxyType
from typing import Final

from apim_sdk import errors
from apim_sdk.authenticator import Authenticator
from apim_sdk.errors import ErrorKind, Fault, Reject
from apim_sdk.exchange import Exchange, Plan
from apim_sdk.identity import Application, Credential, KeyType, Principal, Subscription

from apim_core.access.directory import Directory
from apim_core.access.subscriptions import PlanSubscriptions
from apim_core.combined import challenges_of
from apim_core.steps import Condition, fault_of

__all__ = ["CompiledPlan", "admit", "authorize"]

_WITH_SCOPES: Final = ("Bearer", "DPoP")
"""Schemes of which a challenge may say that the scope is not enough."""
_NO_KEYS: Final[Mapping[KeyType, ErrorKind]] = MappingProxyType({})


class CompiledPlan:
    """A plan, ready to let clients in.

    ``subscriptions`` are those to this plan of this API; they change while the plan stays. ``refused_keys`` has why
    keys of a kind are not taken here.
    """

    __slots__ = (
        "anonymous",
        "applications",
        "authenticator",
        "condition",
        "find",
        "judge",
        "plan",
        "refused_keys",
        "requires_subscription",
        "subscriptions",
    )

    def __init__(
        self,
        plan: Plan,
        authenticator: Authenticator,
        condition: Condition | None,
        requires_subscription: bool,
        subscriptions: PlanSubscriptions,
        applications: Directory,
        refused_keys: Mapping[KeyType, ErrorKind] = _NO_KEYS,
    ) -> None:
        self.plan = plan
        self.authenticator = authenticator
        self.find: Callable[[Exchange], Credential | None] = authenticator.find
        self.judge: Callable[[Credential, Exchange], Principal | Awaitable[Principal]] = authenticator.judge
        self.condition = condition
        self.requires_subscription = requires_subscription
        self.refused_keys = refused_keys
        self.subscriptions = subscriptions
        self.applications = applications
        self.anonymous = authenticator.anonymous

    async def enter(self, credential: Credential, exchange: Exchange) -> None:
        """Judge the credential and fill in principal, application, subscription and plan. Raises Fault."""
        principal = self.judge(credential, exchange)
        if not isinstance(principal, Principal):
            principal = await principal
        application, key_type = self._caller(principal)
        if self.refused_keys and (key_type or application):
            refused = self.refused_keys.get(key_type or "production")
            if refused is not None:
                raise Reject(refused)
        if application is None:
            found: Subscription | ErrorKind = errors.NOT_SUBSCRIBED
        elif application.blocked:
            raise Reject(errors.SUBSCRIPTION_BLOCKED, "The application is blocked", headers=self._challenge())
        else:
            found = self.subscriptions.find(application.id, key_type)
        if isinstance(found, ErrorKind):
            if self.requires_subscription:
                raise Reject(found, headers=self._challenge())
            exchange.subscription = None
        else:
            exchange.subscription = found
        exchange.principal = principal
        exchange.application = application
        exchange.key_type = key_type
        exchange.plan = self.plan

    def _caller(self, principal: Principal) -> tuple[Application | None, KeyType | None]:
        """The application that the principal speaks for, and for which world; a key that is over is nobody's."""
        application, key_type = principal.application, principal.key_type
        if application is None and principal.client_id is not None:
            key = self.applications.find("client_id", principal.client_id, principal.key_manager)
            if key is not None and (key.expires is None or key.expires > time()):
                application, key_type = key.application, key_type or key.key_type
        return application, key_type

    def _challenge(self) -> Mapping[str, str]:
        challenge = self.authenticator.challenge
        return {} if challenge is None else {"WWW-Authenticate": challenge}


async def admit(plans: tuple[CompiledPlan, ...], exchange: Exchange) -> CompiledPlan:
    """The plan by which the exchange comes in. Raises Fault: the first refusal, or a technical failure before any."""
    refusal: Fault | None = None
    presented = False
    for plan in plans:
        if presented and plan.anonymous:
            continue
        if plan.condition is not None and not plan.condition.holds(exchange):
            continue
        try:
            credential = plan.find(exchange)
            if credential is None:
                continue
            presented = presented or not plan.anonymous
            await plan.enter(credential, exchange)
            for each in plans:  # a credential of another plan is not the backend's business either
                each.authenticator.conceal(exchange)
        except Fault as fault:
            if refusal is None or (fault.status >= 500 > refusal.status):
                refusal = fault
        except Exception as error:
            raise fault_of(error, f"plan {plan.plan.name}") from error
        else:
            return plan
    if refusal is not None:
        raise refusal
    raise Reject(errors.MISSING_CREDENTIALS, headers=_challenges(plans))


def _challenges(plans: tuple[CompiledPlan, ...]) -> Mapping[str, str]:
    """The challenges of all plans, each kind once (RFC 9110, section 11.6.1)."""
    challenges = dict.fromkeys(each for plan in plans for each in challenges_of(plan.authenticator))
    return {"WWW-Authenticate": ", ".join(challenges)} if challenges else {}


def authorize(exchange: Exchange, plan: CompiledPlan) -> None:
    """Hold the principal's scopes against the operation's. Raises Reject unless it has one of them.

    403; with the challenge ``insufficient_scope`` where the plan is for tokens that have scopes (RFC 6750, section 3.1;
    RFC 9449, section 7.1).
    """
    scopes = exchange.operation.scopes
    principal = exchange.principal
    if scopes and (principal is None or principal.scopes.isdisjoint(scopes)):
        schemes = (challenge.partition(" ")[0] for challenge in challenges_of(plan.authenticator))
        challenges = [
            f'{scheme} realm="apim", error="insufficient_scope", scope="{" ".join(scopes)}"'
            for scheme in schemes
            if scheme in _WITH_SCOPES
        ]
        headers = {"WWW-Authenticate": ", ".join(challenges)} if challenges else {}
        raise Reject(errors.INSUFFICIENT_SCOPE, headers=headers)
