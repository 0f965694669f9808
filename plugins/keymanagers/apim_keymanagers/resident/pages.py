"""The pages that people see: plain HTML without scripts, images or fonts, which nobody may frame (RFC 9700, 4.16)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from apim_sdk import Headers, Response

__all__ = ["Hidden", "consent_page", "device_page", "login_page", "message_page"]

Hidden = Mapping[str, str]
"""Fields of a form that nobody sees."""

_STYLE: Final = (
    "body{font:1.1rem/1.5 sans-serif;color:#1b1b1b;background:#fff;max-width:30rem;margin:3rem auto;padding:0 1rem}"
    "label{display:block;margin-top:1rem}input{font:inherit;width:100%;box-sizing:border-box;padding:.4rem}"
    "button{font:inherit;margin:1.5rem 1rem 0 0;padding:.5rem 1.5rem}"
    ":focus{outline:3px solid #0b57d0;outline-offset:2px}.problem{border-left:.3rem solid #b3261e;padding-left:1rem}"
)
_STYLE_SOURCE: Final = f"'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"


def login_page(action: str, hidden: Hidden, *, name: str = "", problem: str = "") -> Response:
    """Ask for name and password."""
    focus = " autofocus" if not name else ""
    return _page(
        "Log in",
        f"""{_problem(problem)}<form method="post" action="{escape(action)}">{_fields(hidden)}
<label for="username">User name</label>
<input id="username" name="username" value="{escape(name)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="200" required{focus}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
<button type="submit">Log in</button></form>""",
        status=400 if problem else 200,
    )


def consent_page(
    action: str, hidden: Hidden, client: str, user: str, scopes: Iterable[tuple[str, str]], *, form_action: str = ""
) -> Response:
    """Ask whether the client may have what it asks for; ``form_action`` is where the answer leads."""
    wanted = "".join(
        f"<li>{escape(text or name)}{f' (<code>{escape(name)}</code>)' if text else ''}</li>" for name, text in scopes
    )
    asks = f"<p>It asks for:</p><ul>{wanted}</ul>" if wanted else "<p>It asks to act on your behalf.</p>"
    return _page(
        f"Allow {client}?",
        f"""<p><strong>{escape(client)}</strong> wants access to the account <strong>{escape(user)}</strong>.</p>{asks}
<form method="post" action="{escape(action)}">{_fields(hidden)}
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Do not allow</button></form>""",
        form_action=form_action,
    )


def device_page(action: str, hidden: Hidden, *, user_code: str = "", problem: str = "") -> Response:
    """Ask for the code that a device shows."""
    return _page(
        "Connect a device",
        f"""{_problem(problem)}<p>Enter the code that your device shows. Go on only if you began this yourself.</p>
<form method="post" action="{escape(action)}">{_fields(hidden)}
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="{escape(user_code)}" autocomplete="off" autocapitalize="characters"
 spellcheck="false" maxlength="20" required>
<button type="submit">Go on</button></form>""",
    )


def message_page(title: str, text: str, *, status: int = 200) -> Response:
    """Tell something."""
    return _page(title, f"<p>{escape(text)}</p>", status=status)


def _page(title: str, main: str, *, status: int = 200, form_action: str = "") -> Response:
    document = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>{_STYLE}</style></head>
<body><main><h1>{escape(title)}</h1>
{main}
</main></body></html>
"""
    policy = (
        f"default-src 'none'; style-src {_STYLE_SOURCE}; form-action 'self'{f' {form_action}' if form_action else ''}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = Headers(
        (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", policy),
            ("X-Frame-Options", "DENY"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        )
    )
    return Response(status, headers, document.encode())


def _problem(text: str) -> str:
    return f'<p class="problem" role="alert">{escape(text)}</p>' if text else ""


def _fields(hidden: Hidden) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
