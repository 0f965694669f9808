"""What only the assembly can tell of access: what is subscribed to is there, and all workers see the store."""

from __future__ import annotations

from collections.abc import Mapping

from apim_sdk.stores import Store

from apim_core.assembly.plugins import Builder
from apim_core.config import Configuration, SourceRef
from apim_core.config.problems import did_you_mean

__all__ = ["check_access"]


def check_access(configuration: Configuration, stores: Mapping[str, Store], builder: Builder) -> None:
    """Note what is wrong with subscriptions and with the store for access."""
    _check_subscriptions(configuration, builder)
    access = configuration.access
    store = stores.get(access.store or "")
    if store is not None and store.shared_by == "process" and configuration.workers > 1:
        source = SourceRef(access.source.file, f"{access.source.pointer}/store")
        builder.problem(
            source,
            f"each of {configuration.workers} workers would have a store {access.store!r} of its own",
            "use a store that processes share, such as `sqlite` or `redis`, or one worker",
        )


def _check_subscriptions(configuration: Configuration, builder: Builder) -> None:
    """Every subscription names an API and a plan that are there."""
    plans: dict[str, set[str]] = {}
    for api in configuration.apis:
        plans.setdefault(api.name, set()).update(plan.name for plan in api.plans)
    versions = {(api.name, api.version) for api in configuration.apis}
    for each in (subscription for written in configuration.applications for subscription in written.subscriptions):
        if each.api not in plans:
            builder.problem(each.source, f"no API is named {each.api!r}", did_you_mean(each.api, plans) or "")
        elif each.plan not in plans[each.api]:
            known = plans[each.api]
            builder.problem(
                each.source,
                f"API {each.api!r} has no plan named {each.plan!r}",
                did_you_mean(each.plan, known) or f"it has: {', '.join(sorted(known)) or 'none'}",
            )
        elif each.version is not None and (each.api, each.version) not in versions:
            builder.problem(each.source, f"API {each.api!r} has no version {each.version!r}")
