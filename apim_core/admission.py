"""Admission: which plan a client comes in by, who it is, and whether it may call the operation.

Plans are tried in the order in which they stand. Those whose credential the request carries are judged; ``keyless``
finds nothing in a request, so a plan of it only serves those who presented nothing: it never rescues a bad credential,
nor one of several that a plan wants together.

Nothing waits here unless judging does: who is known comes in by plain calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final

from apim_sdk import errors
from apim_sdk.authenticator import Authenticator
from apim_sdk.errors import Fault, Reject
from apim_sdk.exchange import Exchange, Plan
from apim_sdk.identity import Credential, Principal

from apim_core.callers import Callers
from apim_core.combined import AllOf, challenges_of, missing_challenges
from apim_core.steps import Condition, fault_of

__all__ = ["Admission", "CompiledPlan", "authorize"]

_WITH_SCOPES: Final = ("Bearer", "DPoP")
"""Schemes of which a challenge may say that the scope is not enough."""


Recognise = Callable[[Exchange], Principal | None]
Admit = Callable[[Exchange], "CompiledPlan | Awaitable[CompiledPlan]"]


class CompiledPlan:
    """A plan, ready to let clients in; ``callers`` knows whom."""

    __slots__ = (
        "anonymous",
        "authenticator",
        "begun",
        "callers",
        "condition",
        "find",
        "judge",
        "plan",
        "recognise",
        "requires_subscription",
    )

    def __init__(
        self,
        plan: Plan,
        authenticator: Authenticator,
        condition: Condition | None,
        requires_subscription: bool,
        callers: Callers,
    ) -> None:
        self.plan = plan
        self.authenticator = authenticator
        self.find: Callable[[Exchange], Credential | None] = authenticator.find
        self.judge: Callable[[Credential, Exchange], Principal | Awaitable[Principal]] = authenticator.judge
        self.recognise: Recognise | None = authenticator.recognise if _recognises(type(authenticator)) else None
        self.begun: Callable[[Exchange], bool] | None = (
            authenticator.begun if isinstance(authenticator, AllOf) else None
        )
        self.condition = condition
        self.requires_subscription = requires_subscription
        self.callers = callers
        self.anonymous = authenticator.anonymous

    def enter(self, principal: Principal, exchange: Exchange) -> None:
        """Fill in principal, application, subscription and plan. Raises Reject where the plan does not let it in."""
        caller = self.callers.find(principal)
        exchange.principal = principal
        exchange.application = caller.application
        exchange.subscription = caller.subscription
        exchange.key_type = caller.key_type
        exchange.plan = self.plan


class Admission:
    """The way into an API, by one of its plans."""

    __slots__ = ("_conceal", "admit", "plans")

    def __init__(self, plans: tuple[CompiledPlan, ...]) -> None:
        self.plans = plans
        # A credential of another plan is not the backend's business either.
        authenticators = {id(plan.authenticator): plan.authenticator for plan in plans}.values()
        self._conceal: tuple[Callable[[Exchange], None], ...] = tuple(
            each.conceal for each in authenticators if type(each).conceal is not Authenticator.conceal
        )
        only = plans[0] if len(plans) == 1 and plans[0].condition is None else None
        quick = None if only is None or only.recognise is None else self._recognising(only, only.recognise)
        self.admit: Admit = quick or self._try_all
        """The plan by which the exchange comes in; an awaitable of it where somebody has to be asked.

        Raises Fault: the first refusal, or a technical failure before any.
        """

    def _recognising(self, plan: CompiledPlan, recognise: Recognise) -> Admit:
        """``admit`` where there is one plan, whose callers are mostly known."""
        try_all, find, conceals, entered = self._try_all, plan.callers.find, self._conceal, plan.plan

        def admit(exchange: Exchange) -> CompiledPlan | Awaitable[CompiledPlan]:
            try:
                principal = recognise(exchange)
                if principal is None:
                    return try_all(exchange)
                caller = find(principal)
                exchange.principal = principal
                exchange.application = caller.application
                exchange.subscription = caller.subscription
                exchange.key_type = caller.key_type
                exchange.plan = entered
                for conceal in conceals:
                    conceal(exchange)
            except Fault:
                raise
            except Exception as error:
                raise fault_of(error, f"plan {entered.name}") from error
            return plan

        return admit

    def _try_all(self, exchange: Exchange) -> CompiledPlan | Awaitable[CompiledPlan]:
        return self._try(iter(self.plans), exchange)

    def _try(
        self, plans: Iterator[CompiledPlan], exchange: Exchange, refusal: Fault | None = None, presented: bool = False
    ) -> CompiledPlan | Awaitable[CompiledPlan]:
        """Go on with the plans that are left; ``presented`` tells whether those before found a credential."""
        for plan in plans:
            if presented and plan.anonymous:
                continue
            if plan.condition is not None and not plan.condition.holds(exchange):
                continue
            try:
                principal = None if plan.recognise is None else plan.recognise(exchange)
                if principal is None:
                    credential = plan.find(exchange)
                    if credential is None:
                        presented = presented or (plan.begun is not None and plan.begun(exchange))
                        continue
                    presented = presented or not plan.anonymous
                    judged = plan.judge(credential, exchange)
                    if not isinstance(judged, Principal):
                        return self._wait(plan, judged, plans, exchange, refusal, presented)
                    principal = judged
                presented = presented or not plan.anonymous
                self._enter(plan, principal, exchange)
            except Fault as fault:
                refusal = _graver(refusal, fault)
                presented = presented or not plan.anonymous  # what is refused while it is looked for is there
            except Exception as error:
                raise fault_of(error, f"plan {plan.plan.name}") from error
            else:
                return plan
        if refusal is not None:
            raise refusal
        raise Reject(errors.MISSING_CREDENTIALS, headers=_challenges(self.plans, exchange))

    async def _wait(
        self,
        plan: CompiledPlan,
        judging: Awaitable[Principal],
        plans: Iterator[CompiledPlan],
        exchange: Exchange,
        refusal: Fault | None,
        presented: bool,
    ) -> CompiledPlan:
        """``_try``, from the plan on whose authenticator needs time to judge."""
        try:
            self._enter(plan, await judging, exchange)
        except Fault as fault:
            refusal = _graver(refusal, fault)
        except Exception as error:
            raise fault_of(error, f"plan {plan.plan.name}") from error
        else:
            return plan
        tried = self._try(plans, exchange, refusal, presented)
        return tried if isinstance(tried, CompiledPlan) else await tried

    def _enter(self, plan: CompiledPlan, principal: Principal, exchange: Exchange) -> None:
        plan.enter(principal, exchange)
        for conceal in self._conceal:
            conceal(exchange)


def _recognises(kind: type[Authenticator]) -> bool:
    """Whether ``recognise`` speaks for ``find`` and ``judge``: not where a subclass has changed one of them alone."""
    nearest = next(each for each in kind.__mro__ if {"recognise", "find", "judge"} & vars(each).keys())
    return nearest is not Authenticator and "recognise" in vars(nearest)


def _graver(refusal: Fault | None, fault: Fault) -> Fault:
    """Of two reasons not to let in the one that is told: a technical failure, else what came first."""
    return fault if refusal is None or fault.status >= 500 > refusal.status else refusal


def _challenges(plans: tuple[CompiledPlan, ...], exchange: Exchange) -> Mapping[str, str]:
    """The challenges of all plans for what the request lacks, each kind once (RFC 9110, section 11.6.1)."""
    challenges = dict.fromkeys(each for plan in plans for each in missing_challenges(plan.authenticator, exchange))
    if not challenges:  # none is known for what is lacking, but a 401 has one where there is any
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
