"""What the management port shows of governance: scores as Gravitee tells them, compliance as WSO2 does.

    GET  scoring/overview, scoring/apis, apis/{api}/scoring, apis/{api}/scoring/trend
    GET  artifact-compliance/api, .../summary, .../{api}, .../{api}/ruleset-validation-results/{ruleset}
    GET  policy-adherence, .../summary, .../{policy}
    GET  policies, policies/{policy}, rulesets, rulesets/{ruleset}
    POST lint

An API is called ``name:version``, policies and rulesets by their names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from apim_sdk.resources import Resource, ResourceError, ResourceRequest

from apim_governance.compliance import ruleset_result
from apim_governance.evaluating import Evaluation
from apim_governance.policies import Policy
from apim_governance.posted import PostedLinter
from apim_governance.reports import summary_of, time_text
from apim_governance.standing import RulesetFacts, Standing
from apim_governance.trend import Trend

__all__ = ["GovernanceResources"]

_NO_POLICY: Final = 990101
_NO_RULESET: Final = 990120
_MOST: Final = 1_000
"""Findings of one document, or of one ruleset, that an answer tells; what is counted is all."""
_USUAL_ITEMS: Final = 25
_MOST_ITEMS: Final = 100
_PAGE: Final = ("offset", "limit")
_METADATA: Final = ("apim-", "wso2-", "gravitee-")
_TYPES: Final = ("application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
_SUFFIXES: Final = ("+json", "+yaml")


class GovernanceResources:
    """The resources of one configuration; ``trend`` answers None until a store is open, or where there is none."""

    def __init__(self, standing: Standing, trend: Callable[[], Trend | None], linter: PostedLinter) -> None:
        self._standing = standing
        self._trend = trend
        self._linter = linter

    def all(self) -> tuple[Resource, ...]:
        """Every one of them."""
        show = _plain
        standing, compliance = self._standing, "/artifact-compliance/api"
        return (
            Resource("/scoring/overview", show({"summary": standing.overview})),
            Resource("/scoring/apis", self._scores, query=_PAGE),
            Resource("/apis/{api}/scoring", self._report),
            Resource("/apis/{api}/scoring/trend", self._points),
            Resource(compliance, self._compliance, query=_PAGE),
            Resource(f"{compliance}/summary", show(standing.compliance_summary)),
            Resource(f"{compliance}/{{api}}", self._details),
            Resource(f"{compliance}/{{api}}/ruleset-validation-results/{{ruleset}}", self._ruleset_result),
            Resource("/policy-adherence", show(standing.adherence)),
            Resource("/policy-adherence/summary", show(standing.adherence_summary)),
            Resource("/policy-adherence/{policy}", self._policy_adherence, query=_PAGE),
            Resource("/policies", show(_listed(list(map(_policy, standing.policies))))),
            Resource("/policies/{policy}", self._policy),
            Resource("/rulesets", show(_listed(list(map(_ruleset, standing.rulesets.values()))))),
            Resource("/rulesets/{ruleset}", self._ruleset),
            Resource("/lint", self._lint, "POST", ("ruleset",)),
        )

    # Scores

    async def _scores(self, request: ResourceRequest) -> Any:
        offset, limit = _page(request)
        worst = self._standing.worst
        shown = [each.to_json() for each in worst[offset : offset + limit]]
        return {"count": len(shown), "list": shown, "pagination": _pagination(offset, limit, len(worst))}

    async def _report(self, request: ResourceRequest) -> Any:
        return self._standing.reports[self._api(request).artifact.id].to_json(_MOST)

    async def _points(self, request: ResourceRequest) -> Any:
        api = self._api(request).artifact.id
        trend = self._trend()
        if trend is None:
            raise ResourceError(404, "No trend", "No scores are kept: name a store under `governor.store`")
        points = [
            {"createdAt": time_text(point.created), **summary_of(point.score, point.counts)}
            for point in await trend.of(api)
        ]
        return {"apiId": api, **_listed(points)}

    # Compliance

    async def _compliance(self, request: ResourceRequest) -> Any:
        offset, limit = _page(request)
        pagination = _pagination(offset, limit, len(self._standing.evaluations))
        return {**self._standing.compliance.apis(offset, limit), "pagination": pagination}

    async def _details(self, request: ResourceRequest) -> Any:
        return self._standing.compliance.api(self._api(request).artifact.id)

    async def _ruleset_result(self, request: ResourceRequest) -> Any:
        evaluation, name = self._api(request), request.parts["ruleset"]
        for result in (each for policy in evaluation.policies for each in policy.rulesets):
            if result.name == name:
                return ruleset_result(result, self._standing.rulesets[name].descriptions, _MOST)
        raise ResourceError(404, "No such ruleset", f"No policy for this API has a ruleset {name[:80]!r}", _NO_RULESET)

    async def _policy_adherence(self, request: ResourceRequest) -> Any:
        offset, limit = _page(request)
        name = self._known_policy(request).name
        total = sum(
            result.policy.name == name for each in self._standing.evaluations.values() for result in each.policies
        )
        found = self._standing.compliance.policy(name, offset, limit)
        assert found is not None
        return {**found, "pagination": _pagination(offset, limit, total)}

    async def _policy(self, request: ResourceRequest) -> Any:
        return _policy(self._known_policy(request))

    async def _ruleset(self, request: ResourceRequest) -> Any:
        facts = self._standing.rulesets.get(request.parts["ruleset"])
        if facts is None:
            raise _no_ruleset(request.parts["ruleset"], self._standing.rulesets)
        rules = [{"id": name, "name": name, "description": text} for name, text in facts.descriptions.items()]
        return {**_ruleset(facts), "rules": rules}

    def _api(self, request: ResourceRequest) -> Evaluation:
        known = self._standing.evaluations.get(request.parts["api"])
        if known is None:
            name = request.parts["api"]
            raise ResourceError(404, "No such API", f"No API is called {name[:80]!r}: write name:version")
        return known

    def _known_policy(self, request: ResourceRequest) -> Policy:
        name = request.parts["policy"]
        for policy in self._standing.policies:
            if policy.name == name:
                return policy
        raise ResourceError(404, "No such policy", f"No governance policy is named {name[:80]!r}", _NO_POLICY)

    # Linting

    async def _lint(self, request: ResourceRequest) -> Any:
        if request.content_type not in _TYPES and not request.content_type.endswith(_SUFFIXES):
            raise ResourceError(415, "Unsupported media type", f"Send one of: {', '.join(_TYPES)}, *+json, *+yaml")
        if not request.body:
            raise ResourceError(400, "No document", "The body must be the document")
        try:
            request.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ResourceError(400, "No text", f"The document must be in UTF-8; byte {error.start} is not") from None
        known = self._standing.rulesets
        wanted = request.query.get("ruleset")
        if wanted is not None and wanted not in known:
            raise _no_ruleset(wanted, known)
        return await self._linter.lint(request.body, list(known) if wanted is None else [wanted])


def _plain(value: Any) -> Callable[[ResourceRequest], Awaitable[Any]]:
    """What always answers the same."""

    async def show(request: ResourceRequest) -> Any:
        return value

    return show


def _no_ruleset(name: str, known: Any) -> ResourceError:
    text = f"No policy has a ruleset {name[:80]!r}; there are: {', '.join(known)}"
    return ResourceError(404, "No such ruleset", text, _NO_RULESET)


def _listed(items: Sequence[Any]) -> dict[str, Any]:
    return {"count": len(items), "list": items}


def _page(request: ResourceRequest) -> tuple[int, int]:
    """How many items to leave out, and how many to show at most. Raises ResourceError."""
    return _number(request, "offset", 0, 0, 10**9), _number(request, "limit", _USUAL_ITEMS, 1, _MOST_ITEMS)


def _number(request: ResourceRequest, name: str, usual: int, least: int, most: int) -> int:
    text = request.query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 11 and least <= int(text) <= most):
        raise ResourceError(400, "No such page", f"{name} must be a number from {least} to {most}")
    return int(text)


def _pagination(offset: int, limit: int, total: int) -> dict[str, Any]:
    """Where a page stands; ``next`` and ``previous`` are queries, empty where there is nothing."""
    before = max(offset - limit, 0)
    return {
        "offset": offset,
        "limit": limit,
        "total": total,
        "next": f"?offset={offset + limit}&limit={limit}" if offset + limit < total else "",
        "previous": f"?offset={before}&limit={limit}" if offset > 0 else "",
    }


def _policy(policy: Policy) -> dict[str, Any]:
    states = dict.fromkeys(f"API_{action.state.upper()}" for action in policy.actions)
    actions = [
        {"state": f"API_{each.state.upper()}", "ruleSeverity": each.severity.upper(), "type": each.type.upper()}
        for each in policy.actions
    ]
    return {
        "id": policy.name,
        "name": policy.name,
        "description": policy.description,
        "governableStates": list(states),
        "actions": actions,
        "rulesets": list(policy.rulesets),
        "labels": list(policy.labels),
    }


def _ruleset(facts: RulesetFacts) -> dict[str, Any]:
    formats = facts.formats
    metadata = bool(formats) and all(name.startswith(_METADATA) for name in formats)
    asynchronous = bool(formats) and all(name.startswith("aas") for name in formats)
    return {
        "id": facts.name,
        "name": facts.name,
        "ruleCategory": "SPECTRAL",
        "ruleType": "API_METADATA" if metadata else "API_DEFINITION",
        "artifactType": "ASYNC_API" if asynchronous else "REST_API",
        "formats": list(formats),
    }
