"""What is asked, how often, and what counts as a good answer: read from what a user writes. Mistakes raise BadInput."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import BadInput

VERSION_HEADERS = ("x-version", "x-app-version")
DEFAULT_TIMEOUT_S = 5.0
DEFAULT_RATE = 40.0
HIGHEST_RATE = 100_000.0
SHOWN = 8  # characters of what cannot be read
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN = ("host", "content-length", "transfer-encoding", "connection")


@dataclass(frozen=True)
class Expected:
    """The status codes of a good answer; `text` is how they were written."""

    text: str
    codes: frozenset[int]

    @staticmethod
    def of(text: str) -> Expected:
        """`2xx,301` and the like."""
        codes: set[int] = set()
        for part in (part.strip().lower() for part in text.split(",")):
            if re.fullmatch(r"[1-5]xx", part):
                codes.update(range(int(part[0]) * 100, int(part[0]) * 100 + 100))
            elif re.fullmatch(r"[1-5][0-9]{2}", part):
                codes.add(int(part))
            else:
                raise BadInput(f"{part or text!r} is no status code", hint="write them as 200, or 2xx, or 201,202")
        return Expected(text, frozenset(codes))


GOOD = Expected.of("2xx,3xx")


@dataclass(frozen=True)
class Bound:
    """How many requests may be lost: a number, or a share of all in percent."""

    count: int | None = None
    percent: float | None = None

    # fewer requests than these say nothing of a share while there are more to come
    ENOUGH = 100

    @staticmethod
    def of(text: str | int) -> Bound:
        """`0`, `12`, `0.5%`."""
        written = str(text).strip()
        if re.fullmatch(r"[0-9]{1,9}", written):
            return Bound(count=int(written))
        if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?%", written) and float(written[:-1]) <= 100:
            return Bound(percent=float(written[:-1]))
        raise BadInput(f"{written!r} is no number of requests", hint="write it as 0, or 10, or 0.5%")

    def is_exceeded_by(self, lost: int, of: int, *, is_over: bool) -> bool:
        if self.percent is None:
            return lost > (self.count or 0)
        return lost * 100 > self.percent * of and (is_over or of >= self.ENOUGH)

    def __str__(self) -> str:
        return str(self.count) if self.percent is None else f"{self.percent:g}%"


@dataclass(frozen=True)
class Target:
    """A request. `host` is what the connection goes to, `authority` the Host header. A version is read from the first of
    `version_headers` that an answer has (lower case); without one the status code stands for it."""

    url: str
    is_tls: bool
    host: str
    port: int
    path: str
    authority: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    expected: Expected = GOOD
    timeout_s: float = DEFAULT_TIMEOUT_S
    keeps_alive: bool = False
    is_insecure: bool = False
    version_headers: tuple[str, ...] = VERSION_HEADERS

    @staticmethod
    def of(
        url: str,
        *,
        method: str = "GET",
        headers: Iterable[str] = (),
        body: bytes = b"",
        host: str = "",
        expected: Expected = GOOD,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        keeps_alive: bool = False,
        is_insecure: bool = False,
        version_header: str = "",
    ) -> Target:
        """`headers` as `Name: value`; a Host among them is the Host override, as `host` is."""
        is_tls, to, port, path, authority = _parts(url)
        if not _TOKEN.fullmatch(method):
            raise BadInput(f"{method!r} is no HTTP method")
        written = [_header(text) for text in headers]
        host = host or next((value for name, value in written if name.lower() == "host"), "")
        _refuse_own(written)
        if version_header and not _TOKEN.fullmatch(version_header):
            raise BadInput(f"{version_header!r} is no header's name")
        return Target(
            url=url, is_tls=is_tls, host=to, port=port, path=path, authority=_plain(host or authority, "the Host header"),
            method=method.upper(), headers=tuple((name, value) for name, value in written if name.lower() != "host"),
            body=body, expected=expected, timeout_s=timeout_s, keeps_alive=keeps_alive, is_insecure=is_insecure,
            version_headers=(version_header.lower(),) if version_header else VERSION_HEADERS,
        )  # fmt: skip

    @property
    def is_idempotent(self) -> bool:
        return self.method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")

    @property
    def wire(self) -> bytes:
        """The request as it is sent, HTTP/1.1."""
        head = [f"{self.method} {self.path} HTTP/1.1", f"Host: {self.authority}"]
        named = {name.lower() for name, _ in self.headers}
        head += [f"{name}: {value}" for name, value in self.headers]
        head += [] if "user-agent" in named else ["User-Agent: rollway-probe"]
        head += [] if "accept" in named else ["Accept: */*"]
        head += [] if self.keeps_alive else ["Connection: close"]
        head += [f"Content-Length: {len(self.body)}"] if self.body or self.method in ("POST", "PUT", "PATCH") else []
        return "\r\n".join([*head, "", ""]).encode("latin-1") + self.body


def rate_of(text: str | float) -> float:
    """Requests a second: above 0; `40`, or `0.5`."""
    try:
        rate = 0.0 if isinstance(text, bool) else float(text)
    except (TypeError, ValueError):
        rate = 0.0
    if not 0 < rate <= HIGHEST_RATE:  # also nan
        raise BadInput(f"a rate of {text} requests a second cannot be sent", hint=f"a number above 0, at most {HIGHEST_RATE:g}")
    return rate


def _parts(url: str) -> tuple[bool, str, int, str, str]:
    hint = "write it as http://shop.example.com/health"
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise BadInput(f"{url!r} is no URL: {error}", hint=hint) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{url!r} is no URL of a web application", hint=hint)
    if parts.username is not None:
        raise BadInput(
            f"{url.rpartition('@')[2]!r}: a URL with a password in it would be shown", hint="send an Authorization header"
        )
    if port == 0:
        raise BadInput(f"{url!r}: port 0 cannot be connected to", hint=hint)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_tls = parts.scheme == "https"
    host = _ascii_host(parts.hostname, url)
    authority = f"[{host}]" if ":" in host else host
    return (
        is_tls,
        host,
        port or (443 if is_tls else 80),
        _plain(_quoted(path), "the path"),
        authority + (f":{port}" if port else ""),
    )


def _ascii_host(host: str, url: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError as error:
        raise BadInput(f"{url!r}: {host!r} is no host name") from error


def _quoted(path: str) -> str:
    from urllib.parse import quote

    # what is quoted already stays; a space or an umlaut would end the request line
    return quote(path, safe="/?:@!$&'()*+,;=-._~%[]")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name.strip()):
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"  # a token may be in it
        raise BadInput(f"{shown!r} is no header", hint='write it as "Name: value"')
    return name.strip(), _plain(value.strip(), f"the header {name.strip()}")


def _plain(text: str, what: str) -> str:
    if any(character in text for character in "\r\n\0") or not _is_latin(text):
        raise BadInput(f"{what} holds a character that cannot be sent")
    return text


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_own(written: Sequence[tuple[str, str]]) -> None:
    for name, _ in written:
        if name.lower() in _OWN[1:]:
            raise BadInput(
                f"the header {name} is the probe's own", hint="--keep-alive keeps connections" if name.lower() == _OWN[3] else ""
            )
