"""Who may ask the dashboard, and what a browser is told to let it do. Pure.

A page on loopback is in reach of every other page that the browser shows: of names that are made to resolve to 127.0.0.1 (DNS
rebinding), of forms and scripts of other origins. So the Host has to be one of ours, an Origin ours if there is one, and what
tells anything wants the token, which only who started it has. It is handed over behind the # of the address, which no browser
sends to anybody.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NamedTuple

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer."""


class Refusal(NamedTuple):
    """`status` of HTTP, and why."""

    status: int
    why: str


def refusal(headers: Mapping[str, str], port: int, token: str, *, is_api: bool) -> Refusal | None:
    """Why a request is not answered; None where it is. `headers` by their names in any case."""
    given = {name.lower(): value for name, value in headers.items()}
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    if given.get("host", "").lower() not in hosts:
        return Refusal(421, "this is not that host")
    if (origin := given.get("origin")) is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
        return Refusal(403, "another page may not ask")
    if given.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return Refusal(403, "another page may not ask")
    kind, _, sent = given.get("authorization", "").partition(" ")
    is_known = kind.lower() == "bearer" and hmac.compare_digest(sent.encode(), token.encode())
    if is_api and not is_known:
        return Refusal(401, "the address that `deploy dashboard` has printed has the token in it")
    return None
