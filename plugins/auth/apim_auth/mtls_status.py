"""Asks authorities whether they have revoked client certificates, as seldom as possible.

Of all connections with one certificate only the first asks; the others wait for its answer, which holds as long as the
authority says. A certificate whose authority is not known here, or names no responder, cannot be asked of.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

import attrs
from apim_sdk import Context
from cachetools import LRUCache
from cryptography import x509

from apim_auth.mtls_verdict import InvalidCertificate, UnknownStatus, Verified
from apim_auth.ocsp import NoStatus, question, responder_of, status_of

if TYPE_CHECKING:
    from apim_auth.mtls import OCSP

__all__ = ["CertificateStatuses", "Known"]

_REMEMBERED: Final = 10_000
_MOST_ASKED: Final = 1_000
"""Of how many certificates authorities are asked at once."""
_RETRY: Final = 5.0
"""For how many seconds nobody is asked again of a certificate of which nothing could be told."""
_HEADERS: Final = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}


@attrs.frozen
class Known:
    """What is known of a certificate, ``until`` it is to be asked again (seconds since the epoch)."""

    good: bool | None
    """None if nothing could be told."""
    until: float
    reason: str


class CertificateStatuses:
    """Answers of authorities. Belongs to one event loop."""

    def __init__(self, settings: OCSP, context: Context, known: LRUCache[str, Known]) -> None:
        self._settings = settings
        self._context = context
        self._known = known
        self._now = context.clock.now
        self._asked: dict[str, asyncio.Task[Known]] = {}
        self._count_failure = context.metrics.counter(
            "apim_certificate_status_failures_total",
            "Times that an authority did not tell whether a certificate was revoked",
        )

    @staticmethod
    def memory() -> LRUCache[str, Known]:
        """What answers are kept in."""
        return LRUCache(_REMEMBERED)

    def check(self, verified: Verified) -> Awaitable[None] | None:
        """Raises InvalidCertificate if the certificate is revoked, UnknownStatus if that cannot be told; an awaitable
        that does so where somebody has to be asked."""
        if len(verified.chain) < 2:
            return None
        known = self._known.get(verified.fingerprint)
        if known is not None and self._now() < known.until:
            self._judge(known)
            return None
        task = self._asked.get(verified.fingerprint)
        if task is None:
            if len(self._asked) >= _MOST_ASKED:
                raise UnknownStatus("authorities are being asked of too many certificates at once")
            task = self._asked[verified.fingerprint] = asyncio.get_running_loop().create_task(self._ask(verified))
            task.add_done_callback(lambda _: self._asked.pop(verified.fingerprint, None))
        return self._wait(task)

    async def close(self) -> None:
        """Give up what is being asked."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, task: asyncio.Task[Known]) -> None:
        self._judge(await asyncio.shield(task))

    def _judge(self, known: Known) -> None:
        if known.good is None and self._settings.on_error == "closed":
            raise UnknownStatus(known.reason)
        if known.good is False:
            raise InvalidCertificate(known.reason)

    async def _ask(self, verified: Verified) -> Known:
        certificate, issuer = verified.chain[:2]
        try:
            known = await self._answer(certificate, issuer)
        except (NoStatus, OSError, ValueError) as error:  # ValueError: the certificate names what is no URL
            self._count_failure()
            reason = f"whether the certificate {certificate.serial_number:x} is revoked cannot be told: {error}"
            self._context.log.warning("An authority does not tell the status of a certificate", reason=reason)
            known = Known(None, self._now() + _RETRY, reason)
        self._known[verified.fingerprint] = known
        return known

    async def _answer(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Known:
        url = self._settings.responder or responder_of(certificate)
        if url is None:
            raise NoStatus("it names no responder, and `responder` none either")
        async with asyncio.timeout(self._settings.timeout):
            answer = await self._context.fetch(url, method="POST", headers=_HEADERS, body=question(certificate, issuer))
        if answer.status != 200:
            raise NoStatus(f"{url} answers {answer.status}")
        now = self._now()
        moment, oldest = (
            datetime.datetime.fromtimestamp(now, datetime.UTC),
            datetime.timedelta(seconds=self._settings.cache),
        )
        status = status_of(answer.body, certificate, issuer, moment, oldest)
        until = now + self._settings.cache
        if status.until is not None:
            until = min(until, status.until.timestamp())
        return Known(status.good, until, f"the certificate {certificate.serial_number:x} is revoked")
