"""Let in users by name and password."""

from __future__ import annotations

import binascii
import unicodedata
from base64 import b64decode
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
from apim_sdk import Authenticator, Context, Credential, Duration, Exchange, Principal, Reject, Secret, state
from apim_sdk.errors import INVALID_CREDENTIALS, PLAN_RESOLUTION_FAILURE

from apim_auth.basic_verification import TooBusy, Verifications
from apim_auth.ldap_users import LDAPDirectory, LDAPUsers
from apim_auth.users import User, Users
from apim_auth.users_file import UserFile
from apim_auth.users_passwords import check_hash
from apim_auth.users_store import UserStore
from apim_auth.users_table import UserTable

__all__ = ["Basic"]


def _text(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.isprintable() or set(value) & {'"', "\\"}:
        raise ValueError(f"{value!r} cannot be a realm: leave out quotes, backslashes and control characters")


@attrs.frozen
class KnownUser:
    """A user, as the configuration knows them."""

    password: Secret
    """The hash of the password, bcrypt or Argon2id, as `htpasswd -nB NAME` writes it behind the colon."""
    roles: tuple[str, ...] = ()
    """Roles of the user."""

    def __attrs_post_init__(self) -> None:
        check_hash(self.password.reveal())


@attrs.frozen
class Basic(Authenticator):
    """Lets in users by name and password (RFC 7617); there is no application, so no subscription is asked for.

    A password that was right is remembered for a while, as a keyed hash; checking one anew takes as long as its slow
    hash was made to. Whether a user does not exist or the password is wrong, clients cannot tell.
    """

    requires_subscription: ClassVar[bool] = False
    challenge: ClassVar[str | None] = 'Basic realm="apim", charset="UTF-8"'
    example: ClassVar[Any] = {
        "users": {
            "anna": {"password": "$2y$10$OetKXWDtDACaEoyhCOO10OqQz9uJrfNOoAO8VrGmGZLptVN5g65fG", "roles": ["clerk"]}
        },
        "scopes_by_role": {"clerk": ["orders.read"]},
    }

    users: Mapping[str, KnownUser] | None = attrs.field(default=None, hash=False)
    """Users by name."""
    file: Path | None = None
    """File of users, as `htpasswd -B` writes it; bcrypt and Argon2id only. It is read again when it has changed."""
    groups: Path | None = None
    """File of roles, with lines such as `role: user user`. It is read again when it has changed."""
    ldap: LDAPDirectory | None = None
    """LDAP directory of users."""
    store: str | None = None
    """Name of the store in which the key manager `resident` keeps its users."""
    namespace: str = "resident"
    """What the entries of that key manager begin with in the store."""
    scopes_by_role: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, hash=False)
    """Scopes that the users of a role have."""
    realm: str = attrs.field(default="apim", validator=_text)
    """What the client is told to log in to."""
    forward: bool = False
    """Whether the endpoint gets to see name and password."""
    remember: Duration = Duration("5m")
    """For how long a password that was right is good without another look."""
    remembered: int = attrs.field(default=10_000, validator=attrs.validators.ge(0))
    """How many users are remembered; 0 to check each time."""
    at_once: int = attrs.field(default=2, validator=attrs.validators.ge(1))
    """How many passwords are checked at a time."""
    waiting: int = attrs.field(default=100, validator=attrs.validators.ge(0))
    """How many more may wait to be checked; whoever comes then gets 503."""
    _verifications: Verifications = state()

    def __attrs_post_init__(self) -> None:
        if sum(place is not None for place in (self.users, self.file, self.ldap, self.store)) != 1:
            raise ValueError("say where the users are, in one place: `users`, `file`, `ldap` or `store`")
        if self.groups is not None and self.file is None:
            raise ValueError("`groups` goes with `file`")
        self.hold(challenge=f'Basic realm="{self.realm}", charset="UTF-8"')

    async def start(self, context: Context) -> None:
        users = await self._users(context)
        self.hold(
            _verifications=await context.shared(
                ("basic", self),
                lambda: Verifications(
                    users,
                    most=self.remembered,
                    seconds=self.remember,
                    at_once=self.at_once,
                    waiting=self.waiting,
                    now=context.clock.monotonic,
                ),
            )
        )

    async def _users(self, context: Context) -> Users:
        if self.users is not None:
            return UserTable(
                {name: user.password.reveal() for name, user in self.users.items()},
                {name: frozenset(user.roles) for name, user in self.users.items()},
            )
        if self.ldap is not None:
            directory = self.ldap
            return await context.shared(("users", directory), lambda: LDAPUsers(directory))
        if self.store is not None:
            store, namespace = context.store(self.store), self.namespace
            from_store = await context.shared(("users", store, namespace), lambda: UserStore(store, namespace))
            context.spawn(from_store.follow(context.log), f"users of {self.store}")
            return from_store
        assert self.file is not None, "checked above"
        file, groups = self.file, self.groups
        from_file = await context.shared(("users", file, groups), lambda: UserFile(file, groups))
        await from_file.refresh()
        context.spawn(from_file.keep_fresh(context.log), f"users of {file}")
        return from_file

    def recognise(self, exchange: Exchange) -> Principal | None:
        value = exchange.request.headers.combined(b"authorization")
        if value is None or not value.startswith(b"Basic "):
            return None
        return self._verifications.known(self._verifications.digest(value[6:].decode("latin-1")))

    def find(self, exchange: Exchange) -> Credential | None:
        value = exchange.request.headers.combined(b"authorization")
        if value is None or value[:6].lower() != b"basic ":
            return None
        # What comes twice is a list, the credential of nobody.
        token = value[6:].strip(b" ")
        return Credential("basic", Secret(token.decode("latin-1"))) if token else None

    def judge(self, credential: Credential, exchange: Exchange) -> Principal | Awaitable[Principal]:
        token = credential.value.reveal()
        digest = self._verifications.digest(token)
        return self._verifications.known(digest) or self._verify(digest, token)

    async def _verify(self, digest: bytes, token: str) -> Principal:
        try:
            name, password = _name_and_password(token)
        except ValueError as error:
            raise self._refusal("it is no name and password in base64 and UTF-8") from error
        try:
            principal = await self._verifications.verify(digest, name, password, self._admit)
        except TooBusy:
            raise Reject(
                PLAN_RESOLUTION_FAILURE,
                headers={"Retry-After": "1"},
                detail="more passwords wait to be checked than may",
            ) from None
        except OSError as error:
            raise Reject(PLAN_RESOLUTION_FAILURE, detail=f"the users cannot be asked now: {error}") from error
        if principal is None:
            raise self._refusal("no such user, or another password")
        return principal

    def _admit(self, user: User) -> Principal:
        scopes = (scope for role in user.roles for scope in self.scopes_by_role.get(role, ()))
        return Principal(user.name, scopes=frozenset(scopes), roles=user.roles)

    def _refusal(self, detail: str) -> Reject:
        challenge = self.challenge or ""
        return Reject(INVALID_CREDENTIALS, headers={"WWW-Authenticate": challenge}, detail=detail)

    def conceal(self, exchange: Exchange) -> None:
        if not self.forward:
            exchange.request.headers.discard(b"authorization")


def _name_and_password(token: str) -> tuple[str, str]:
    """Both as RFC 7617 (section 2) wants them: UTF-8, without control characters; and normalised (NFC), so that the
    same password typed on another keyboard is the same. Raises ValueError."""
    try:
        text = b64decode(token.encode("latin-1"), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not base64 of UTF-8") from None
    name, colon, password = text.partition(":")
    if not colon or not name or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise ValueError("not a name, a colon and a password")
    return unicodedata.normalize("NFC", name), unicodedata.normalize("NFC", password)
