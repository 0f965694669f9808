"""What happens in the browser: log in, consent, and back to the application; or confirm a device.

Forms go to the URL that they came from, so the request stays in its query and is checked anew each time. Each carries a
token that is good in this browser for this request only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs
from apim_sdk import Exchange, Response

from apim_keymanagers.resident.answers import asked_by_form, asked_by_query, empty
from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.authorizing import AuthorizationRequest, Redirected, authorization_request, code_for
from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.device import decide, normalized, waiting
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.pages import consent_page, device_page, login_page, message_page
from apim_keymanagers.resident.redirects import form_action_source
from apim_keymanagers.resident.sessions import Session
from apim_keymanagers.resident.users import User

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["authorize", "confirm_device"]


@attrs.frozen
class Visit:
    """A browser at one of the pages."""

    server: Server
    exchange: Exchange
    session: Session
    fresh: bool
    """Whether the browser has to be given its cookie."""
    form: Asked | None
    """The form that it sends; None if it only asks for the page."""

    @property
    def action(self) -> str:
        """Where its forms go: the same page, with the same query."""
        return f"?{self.exchange.request.query_string}"

    def token(self, step: str, about: str = "") -> str:
        """The token of a form of this step, and about this."""
        return self.server.sessions.form_token(self.session, self._purpose(step, about))

    def sends(self, step: str, about: str = "") -> Asked | None:
        """The form, if it is of this step and ours. Raises OAuthError where it is somebody else's, or about another."""
        if self.form is None or self.form.get("step") != step:
            return None
        if not self.server.sessions.is_ours(self.session, self._purpose(step, about), self.form.get("token") or ""):
            raise OAuthError(
                "access_denied", "the form was not made for this browser: go back and try again", status=403
            )
        return self.form

    def _purpose(self, step: str, about: str) -> str:
        return f"{step} {about} {self.exchange.request.query_string}"

    def with_cookie(self, response: Response, session: Session | None = None) -> Response:
        """The response, with the cookie of a session that is new to the browser."""
        if session is not None or self.fresh:
            response.headers.add("Set-Cookie", _cookie(self.server, session or self.session))
        return response


_JUST_NOW: Final = 30
"""Seconds for which a login is taken to be for this very request."""


async def authorize(server: Server, exchange: Exchange) -> Response:
    """The authorization endpoint (RFC 6749, section 3.1)."""
    try:
        request = await authorization_request(server, asked_by_query(exchange, server.url("/authorize")))
        return await _with_user(server, exchange, lambda visit: _authorized(visit, request), request)
    except Redirected as redirected:
        return _see(redirected.location)
    except OAuthError as error:
        return message_page("This cannot be done", error.description, status=error.status)


async def confirm_device(server: Server, exchange: Exchange) -> Response:
    """The verification page of the device grant (RFC 8628, section 3.3)."""
    try:
        return await _with_user(server, exchange, _confirmed, None)
    except OAuthError as error:
        return message_page("This cannot be done", error.description, status=error.status)


async def _with_user(
    server: Server,
    exchange: Exchange,
    then: Callable[[Visit], Awaitable[Response]],
    request: AuthorizationRequest | None,
) -> Response:
    """Go on once somebody has logged in; ask for that first."""
    form = await asked_by_form(exchange, "") if exchange.request.method == "POST" else None
    session = await server.sessions.find(exchange.request.cookies, _cookie_name(server))
    visit = Visit(server, exchange, session or server.sessions.begin(), session is None, form)
    sent = visit.sends("login")
    if sent is not None:
        return await _log_in(visit, sent)
    if not _logged_in(visit, request):
        if request is not None and "none" in request.prompts:
            raise request.refusal(server, "login_required")
        hint = "" if request is None else request.login_hint
        return visit.with_cookie(login_page(visit.action, {"step": "login", "token": visit.token("login")}, name=hint))
    return await then(visit)


def _logged_in(visit: Visit, request: AuthorizationRequest | None) -> bool:
    session, now = visit.session, visit.server.now()
    if session.user is None:
        return False
    if request is None or visit.sends("consent") is not None:
        return True
    age = now - session.auth_time
    # Who has just logged in for this very request comes back with a GET, and is not to be asked for ever.
    if ("login" in request.prompts or request.max_age == 0) and age >= _JUST_NOW:
        return False
    return not request.max_age or age <= request.max_age


async def _log_in(visit: Visit, sent: Asked) -> Response:
    server, name = visit.server, sent.get("username") or ""
    address = str(visit.exchange.client.address)
    user = await server.users.verify(name, sent.get("password") or "", address)
    if user is None:
        hidden = {"step": "login", "token": visit.token("login")}
        problem = "The user name or the password is wrong."
        return visit.with_cookie(login_page(visit.action, hidden, name=name[:200], problem=problem))
    session = await server.sessions.log_in(visit.session, user.name)
    query = visit.exchange.request.query_string
    page = server.url("/device" if visit.exchange.request.path.endswith("/device") else "/authorize")
    return visit.with_cookie(_see(f"{page}?{query}" if query else page), session)


async def _authorized(visit: Visit, request: AuthorizationRequest) -> Response:
    server, client = visit.server, request.client
    user = await _user(visit)
    sent = visit.sends("consent")
    scopes = await server.scopes.granted(client, request.scope, user)
    name = f"{user.name}\0{client.id}"
    if sent is not None:
        if sent.get("decision") != "allow":
            raise request.refusal(server, "access_denied", "the user has refused")
        await server.records.put("consent", name, {"scopes": sorted(scopes)})
        return _see(await code_for(server, request, visit.session, user))
    consent = await server.records.get("consent", name) or {"scopes": ()}
    known = client.trusted or (set(scopes) <= set(consent["scopes"]) and bool(consent["scopes"]) and not client.public)
    if known and "consent" not in request.prompts:
        return _see(await code_for(server, request, visit.session, user))
    if "none" in request.prompts:
        raise request.refusal(server, "consent_required")
    return await _ask(visit, client, user, scopes, "", form_action_source(request.redirect_uri))


async def _confirmed(visit: Visit) -> Response:
    """A device, by its code: first the code, then what is asked for, then the decision."""
    server, user = visit.server, await _user(visit)
    address, tries = str(visit.exchange.client.address), f"device code {user.name}"
    code = "" if visit.form is None else visit.form.get("user_code") or ""
    decided = visit.sends("consent", normalized(code))  # for the code that was tried, and no other
    if decided is not None:
        allow = decided.get("decision") == "allow"
        if not await decide(server, code, user.name, visit.session.auth_time, allow=allow):
            return message_page("The code has expired", "Begin again on your device.", status=400)
        return message_page("Done", "You can go back to your device." if allow else "The device was refused.")
    entered = visit.sends("device")
    asked = asked_by_query(visit.exchange, "")
    code = (entered or asked).get("user_code") or ""
    problem = ""
    if entered is not None:
        server.throttle.check(tries, address)
        server.throttle.count(tries, address)  # before the answer is there: many may try at the same moment
        found = await waiting(server, code)
        if found is not None:
            server.throttle.forgive(tries, address)
            client, wanted = found
            scopes = await server.scopes.granted(client, " ".join(wanted), user)
            return await _ask(visit, client, user, scopes, normalized(code), "")
        problem = "The code is wrong, or has expired."
    hidden = {"step": "device", "token": visit.token("device")}
    return device_page(visit.action, hidden, user_code=code[:20], problem=problem)


async def _ask(
    visit: Visit, client: Client, user: User, scopes: tuple[str, ...], user_code: str, form_action: str
) -> Response:
    known = await visit.server.scopes.known()
    shown = [(name, known[name].description if name in known else "") for name in scopes]
    hidden = {"step": "consent", "token": visit.token("consent", user_code)}
    if user_code:
        hidden["user_code"] = user_code
    return consent_page(visit.action, hidden, client.name or client.id, user.name, shown, form_action=form_action)


async def _user(visit: Visit) -> User:
    user = await visit.server.users.find(visit.session.user or "")
    if user is None or visit.session.auth_time < user.changed:
        await visit.server.sessions.end(visit.session)
        raise OAuthError("access_denied", "your account is gone or has changed: begin again", status=403)
    return user


def _see(location: str) -> Response:
    """303: the browser goes on with a GET and does not send the form along (RFC 9700, section 4.12)."""
    return empty(303, {"Location": location, "Referrer-Policy": "no-referrer"})


def _cookie_name(server: Server) -> str:
    return "__Secure-apim-session" if server.issuer.startswith("https:") else "apim-session"


def _cookie(server: Server, session: Session) -> str:
    """The cookie of a session: for the issuer's path alone, so that no backend behind the same host gets to see it."""
    secure = "; Secure" if server.issuer.startswith("https:") else ""
    path = urlsplit(server.issuer).path or "/"
    return f"{_cookie_name(server)}={session.secret}; Path={path}; HttpOnly; SameSite=Lax{secure}"
