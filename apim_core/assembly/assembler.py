"""The walk over a configuration that builds its plugins, compiles its flows and routes its operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import attrs
from apim_sdk import exchange as model
from apim_sdk.authenticator import Authenticator
from apim_sdk.counters import CounterStore
from apim_sdk.endpoint import Endpoint
from apim_sdk.errors import ErrorKind, Reject
from apim_sdk.exchange import Exchange
from apim_sdk.governance import Governor, Judgement
from apim_sdk.key_manager import KeyManager
from apim_sdk.messages import Response
from apim_sdk.policy import FLOW_METHODS, Policy, Send, flows_of
from apim_sdk.sink import Sink
from apim_sdk.stores import Store

from apim_core.access.directory import Directory
from apim_core.admission import Admission, CompiledPlan
from apim_core.assembly.access import check_access
from apim_core.assembly.authentication import alternatives
from apim_core.assembly.flows import EMPTY, FlowName, Level, Part, build_chain, compile_step, entry_steps
from apim_core.assembly.governing import blocking, judge
from apim_core.assembly.plugins import Builder, Built
from apim_core.assembly.trust import exchangeable, refused_keys, trusted_by
from apim_core.callers import Callers
from apim_core.combined import AllOf
from apim_core.config import ConfigErrors, Configuration, PluginReference, SourceRef, Step
from apim_core.config import model as config
from apim_core.config.references import NO_FLOWS, Flows
from apim_core.faults import FaultTemplate, FaultTemplates
from apim_core.messages import Meters, no_meters
from apim_core.pipeline import Chain, Pipeline, Target
from apim_core.registry import Registry
from apim_core.routing import DuplicateRoutesError, Route, Router
from apim_core.steps import CompiledStep, Condition

__all__ = ["Assembly", "Observer", "assemble"]

_FLOWS: tuple[FlowName, ...] = ("entry", "request", "response", "fault")
_BLOCKED = ErrorKind("API_BLOCKED", "700700", 503, "API blocked", "This API is temporarily blocked")


@attrs.frozen
class Observer:
    """Who is told what goes wrong while exchanges run: plugins that raise, conditions that have errors; and who counts
    messages of streams."""

    plugin_failed: Callable[[str, BaseException], None]
    condition_failed: Callable[[str], None]
    meters: Meters = no_meters


@attrs.frozen
class Assembly:
    """A configuration that has been checked and compiled; nothing of it is started yet."""

    configuration: Configuration
    pipeline: Pipeline
    directory: Directory
    plugins: tuple[Built, ...]
    key_managers: Mapping[str, KeyManager]
    stores: Mapping[str, Store]
    counters: Mapping[str, CounterStore]
    sinks: tuple[tuple[str, Sink], ...]
    routes: tuple[Route[Target], ...]
    sources: Mapping[int, SourceRef]
    """Where the operation of a target (by its id) was written."""
    governor: Governor | None = None
    judgements: tuple[Judgement, ...] = ()
    """What governance has to say of it; nothing of that blocks."""


def assemble(configuration: Configuration, registry: Registry, observer: Observer) -> Assembly:
    """Build and compile everything. Raises ConfigErrors with every problem there is."""
    return _Assembler(configuration, registry, observer).assemble()


class _Assembler:
    def __init__(self, configuration: Configuration, registry: Registry, observer: Observer) -> None:
        self._configuration = configuration
        self._observer = observer
        self._registry = registry
        self._builder = Builder(registry)
        self._directory = Directory(configuration.applications)
        self._gateway = EMPTY
        self._templates = _templates(configuration.response_templates)
        self._sources: dict[int, SourceRef] = {}
        self._key_managers: Mapping[str, KeyManager] = {}

    def assemble(self) -> Assembly:
        configuration = self._configuration
        builder = self._builder
        stores = {  # before all others, which may keep things there: what is built first is started first
            name: store
            for name, reference in configuration.stores.items()
            if (store := builder.build(reference, Store, f"stores/{name}")) is not None
        }
        counters = {
            name: counter_store
            for name, reference in configuration.counters.items()
            if (counter_store := builder.build(reference, CounterStore, f"counters/{name}")) is not None
        }
        for_exchange: dict[str, KeyManager] = {}  # filled below, for each may take tokens of those that come after it
        builder.key_managers = for_exchange
        key_managers = {
            name: manager
            for name, trusted in configuration.key_managers.items()
            if (manager := builder.build(trusted.plugin, KeyManager, f"key_managers/{name}")) is not None
        }
        for_exchange.update(exchangeable(configuration.key_managers, key_managers))
        builder.key_managers = None
        sinks = tuple(
            (reference.name, sink)
            for reference in configuration.sinks
            if (sink := builder.build(reference, Sink, "sinks")) is not None
        )
        self._key_managers = key_managers
        self._gateway = self._level(configuration.flows, "gateway", _FLOWS)
        check_access(configuration, stores, builder)
        governor = (
            None
            if configuration.governance is None
            else builder.build(configuration.governance, Governor, "governance")
        )
        routes = [route for api in configuration.apis for route in self._api(api)]
        router = self._route(routes)
        judgements = self._judge(governor) if governor is not None and not builder.problems else ()
        if builder.problems or router is None:
            raise ConfigErrors(builder.problems)
        gateway_only = build_chain(
            gateway=self._gateway, plan=EMPTY, api=EMPTY, operation=EMPTY, send=_nowhere, buffer_limit=None
        )
        limit = configuration.limits.message
        observer = self._observer
        pipeline = Pipeline(router, gateway_only.fault, self._templates, observer.plugin_failed, limit, observer.meters)
        return Assembly(
            configuration,
            pipeline,
            self._directory,
            tuple(builder.built),
            key_managers,
            stores,
            counters,
            sinks,
            tuple(routes),
            self._sources,
            governor,
            judgements,
        )

    def _judge(self, governor: Governor) -> tuple[Judgement, ...]:
        configuration, builder = self._configuration, self._builder
        plugins = [built.plugin for built in builder.built]
        try:
            judgements = judge(governor, configuration, plugins, self._registry)
        except ValueError as error:
            assert configuration.governance is not None
            builder.problem(configuration.governance.source, f"governance cannot judge the APIs: {error}")
            return ()
        builder.problems.extend(blocking(judgements))
        return judgements

    def _route(self, routes: Sequence[Route[Target]]) -> Router[Target] | None:
        try:
            return Router(routes)
        except DuplicateRoutesError as duplicates:
            for first, second in duplicates.pairs:
                self._builder.problem(
                    self._sources[id(second.target)],
                    f"{second.target.operation.label} of API {second.target.api.name!r} is the same route as "
                    f"{first.target.operation.label} of API {first.target.api.name!r}",
                    "change the context, the hosts or the path of one of them, or remove one",
                )
            return None

    def _level(self, flows: Flows, place: str, allowed: Sequence[FlowName]) -> Level:
        if flows is NO_FLOWS:
            return EMPTY
        compiled: dict[str, tuple[Part, ...]] = {}
        for flow in _FLOWS:
            steps: tuple[Step, ...] = getattr(flows, flow)
            if steps and flow not in allowed:
                self._builder.problem(
                    steps[0].source,
                    "only the gateway and an API have an entry flow",
                    "it runs before a plan or an operation's own policies are known: move it up, or to `request`",
                )
                continue
            parts = (self._step(step, flow, f"{place}/{flow}") for step in steps if step.enabled)
            compiled[flow] = tuple(part for part in parts if part is not None)
        return Level(**compiled)

    def _step(self, step: Step, flow: FlowName, place: str) -> Part | None:
        policy = self._builder.build(step.plugin, Policy, place)
        if policy is None:
            return None
        flows = flows_of(type(policy))
        if flow not in flows:
            stands = f"it may stand in: {', '.join(flows)}" if flows else "it defines none of the flow methods"
            wraps = flow == "entry" and hasattr(policy, "around")
            why = "wraps the endpoint call" if wraps else f"defines no {' or '.join(FLOW_METHODS[flow])}"
            self._builder.problem(
                step.source, f"{step.plugin.name!r} cannot stand in the {flow} flow, it {why}", stands
            )
            return None
        if step.when_message is not None and not (hasattr(policy, "on_message") and policy.sees_messages):
            self._builder.problem(
                step.source,
                f"{step.plugin.name!r} has a condition of messages, and sees none as it is configured",
                "leave out `when_message`, or have the step see messages: a limit does with `unit: events`",
            )
            return None
        return compile_step(step, flow, policy, self._observer.condition_failed)

    def _api(self, written: config.Api) -> Iterable[Route[Target]]:
        place = f"apis/{written.name}:{written.version}"
        api = model.API(written.name, written.version, written.context)
        level = self._level(written.flows, place, _FLOWS)
        send = self._endpoint(written.endpoint, place)
        if written.sandbox is not None:
            send = _by_key_type(send, self._endpoint(written.sandbox, f"{place}/sandbox"))
        limit = self._configuration.limits.buffered_body
        self._builder.key_managers = trusted_by(
            written, self._configuration.key_managers, self._key_managers, self._builder.problem
        )
        plan_levels, admission = self._plans(written, place)
        self._builder.key_managers = None
        entry = entry_steps((self._gateway, level), limit)
        if written.status == "blocked":
            entry = (CompiledStep("blocked", _refuse_blocked),)
        templates = tuple(each for each in (_templates(written.response_templates), self._templates) if each)
        shared = _Chains(self._gateway, plan_levels, level, EMPTY, send, limit)
        for operation in written.operations:
            own_place = f"{place}/{operation.match}"
            own = self._level(operation.flows, own_place, ("request", "response", "fault"))
            own_send = send if operation.endpoint is None else self._endpoint(operation.endpoint, own_place)
            if own_send is _nowhere:
                self._builder.problem(
                    operation.source,
                    f"{operation.match} has no endpoint, and neither has API {written.name!r}",
                    "add `endpoint: {http: {url: ...}}` to the API or to the operation",
                )
            chains = shared
            if own is not EMPTY or own_send is not send:
                chains = _Chains(self._gateway, plan_levels, level, own, own_send, limit)
            target = Target(
                api,
                model.Operation(
                    operation.match.method,
                    operation.match.path,
                    operation.name,
                    operation.scopes,
                    own_endpoint=operation.endpoint is not None,
                ),
                entry,
                None if operation.authentication == "none" else admission,
                chains.of,
                templates,
            )
            self._sources[id(target)] = operation.source
            yield Route(written.hosts, written.context, operation.match.method, operation.match.path, target)

    def _endpoint(self, reference: PluginReference | None, place: str) -> Send:
        if reference is None:
            return _nowhere
        endpoint = self._builder.build(reference, Endpoint, f"{place}/endpoint")
        return _refused if endpoint is None else endpoint.send

    def _plans(self, written: config.Api, place: str) -> tuple[Mapping[str, Level], Admission]:
        levels: dict[str, Level] = {}
        plans: list[CompiledPlan] = []
        for plan in written.plans:
            plan_place = f"{place}/plans/{plan.name}"
            if plan.name in levels:
                self._builder.problem(plan.source, f"API {written.name!r} has two plans named {plan.name!r}")
            limits = Flows(request=tuple(map(self._limit, plan.limits)))
            level = self._level(plan.flows, plan_place, ("request", "response", "fault"))
            if plan.limits:
                first = self._level(limits, f"{plan_place}/limits", ("request",))
                level = attrs.evolve(level, limits=first.request)
            levels[plan.name] = level
            plans += [
                self._plan(written, plan, each[0] if len(each) == 1 else AllOf(each, self._directory))
                for each in alternatives(
                    plan.authentication,
                    partial(self._builder.build, kind=Authenticator, place=plan_place),
                    self._builder.problem,
                )
            ]
        plans.sort(key=lambda plan: plan.anonymous)
        return levels, Admission(tuple(plans))

    def _limit(self, limit: config.PlanLimit | Step) -> Step:
        """A plan's limit is the policy that it names, or the configured limit policy."""
        if isinstance(limit, Step):
            return limit
        reference = PluginReference(self._configuration.limit_policy, limit.settings())
        object.__setattr__(reference, "source", limit.source)
        return Step(reference)

    def _plan(self, written: config.Api, plan: config.Plan, authenticator: Authenticator) -> CompiledPlan:
        required = authenticator.requires_subscription if plan.subscription is None else plan.subscription == "required"
        condition = None
        if plan.when is not None:
            condition = Condition(plan.when.evaluate, "fail", self._observer.condition_failed, f"plan {plan.name}")
        return CompiledPlan(
            model.Plan(plan.name),
            authenticator,
            condition,
            required,
            Callers(
                self._directory,
                self._directory.plan(written.name, written.version, plan.name),
                requires_subscription=required,
                refused_keys=refused_keys(written, self._configuration.key_type),
                challenge=authenticator.challenge,
            ),
        )


class _Chains:
    """The chains of an operation, or of all operations of an API that add nothing of their own.

    Built when first used, by one event loop.
    """

    __slots__ = ("_api", "_built", "_gateway", "_limit", "_operation", "_plans", "_send")

    def __init__(
        self, gateway: Level, plans: Mapping[str, Level], api: Level, operation: Level, send: Send, limit: int | None
    ) -> None:
        self._gateway = gateway
        self._plans = plans
        self._api = api
        self._operation = operation
        self._send = send
        self._limit = limit
        self._built: dict[str | None, Chain] = {}

    def of(self, plan: str | None) -> Chain:
        """The chain for consumers of a plan."""
        chain = self._built.get(plan)
        if chain is None:
            chain = self._built[plan] = build_chain(
                gateway=self._gateway,
                plan=EMPTY if plan is None else self._plans[plan],
                api=self._api,
                operation=self._operation,
                send=self._send,
                buffer_limit=self._limit,
            )
        return chain


def _templates(written: Mapping[str, config.ResponseTemplate]) -> FaultTemplates:
    return {
        key: FaultTemplate(each.status, tuple(each.headers.items()), each.body, each.content_type)
        for key, each in written.items()
    }


async def _nowhere(exchange: Exchange) -> Response:
    raise RuntimeError("this operation has no endpoint, which the configuration's check refuses")


def _by_key_type(production: Send, sandbox: Send) -> Send:
    async def send(exchange: Exchange) -> Response:
        return await (sandbox if exchange.key_type == "sandbox" else production)(exchange)

    return send


async def _refused(exchange: Exchange) -> Response:
    raise RuntimeError("this endpoint could not be built, so the configuration is refused")


def _refuse_blocked(exchange: Exchange) -> None:
    raise Reject(_BLOCKED)
