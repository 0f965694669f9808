"""What a configuration writes of applications, as plugins see it.

Ids that are not written are name-based UUIDs (RFC 9562, section 5.5), the same on every node.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from apim_sdk.identity import Application, ApplicationKey, Subscription

from apim_core.access.digests import digest_of_key, short
from apim_core.config import model as config

__all__ = ["application_of", "key_of", "seconds", "subscription_id", "subscriptions_of"]

_NAMESPACE = uuid.UUID("6f0c8a52-6a0e-4b53-9d0c-5f8d1c6b7e11")


def application_of(written: config.Application) -> Application:
    """The application itself."""
    return Application(
        name=written.name,
        id=written.id or str(uuid.uuid5(_NAMESPACE, written.name)),
        owner=written.owner,
        tenant=written.tenant,
        blocked=written.blocked,
        attributes=written.attributes,
    )


def key_of(application: Application, written: config.ApplicationKey) -> ApplicationKey:
    """One of its keys."""
    digest = digest_of_key(written.kind, written.value.reveal(), written.key_manager)
    return ApplicationKey(
        application,
        written.kind,
        short(digest),
        written.type,
        seconds(written.expires),
        written.addresses,
        written.referers,
    )


def subscriptions_of(written: config.Application) -> tuple[Subscription, ...]:
    """Its subscriptions, in their order."""
    owner = application_of(written).id
    return tuple(
        Subscription(
            each.api,
            each.plan,
            each.id or subscription_id(owner, each.api, each.version, each.plan, each.key_type),
            each.state,
            each.key_type,
            seconds(each.starts),
            seconds(each.ends),
        )
        for each in written.subscriptions
    )


def subscription_id(application: str, api: str, version: str | None, plan: str, key_type: str | None) -> str:
    """The id of a subscription that nobody gave one."""
    what = f"{api} {version} {plan}" if key_type is None else f"{api} {version} {plan} {key_type}"
    try:
        namespace = uuid.UUID(application)
    except ValueError:
        namespace = uuid.uuid5(_NAMESPACE, application)
    return str(uuid.uuid5(namespace, what))


def seconds(moment: datetime | None) -> float | None:
    """Seconds since the epoch."""
    return None if moment is None else moment.timestamp()
