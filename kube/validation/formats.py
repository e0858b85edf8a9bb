"""The formats of texts that the API server's schema validator knows; any other is no check at all. (kube-openapi: strfmt.)"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from urllib.parse import urlsplit

from ..durations import seconds


def _holds(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether a reader takes the text."""

    def fits(text: str) -> bool:
        try:
            read(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return fits


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


def _time(text: str) -> datetime:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())


def _date(text: str) -> date:
    if len(text) != len("2006-01-02"):
        raise ValueError(text)
    return date.fromisoformat(text)


def _duration(text: str) -> float:
    """Go's notation, and words: `2 days`."""
    words = re.fullmatch(r"\d+\s*(ns|us|µs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)", text)
    return 0.0 if words else seconds(text)


def _cidr(text: str) -> object:
    if "/" not in text:
        raise ValueError(text)
    return ipaddress.ip_network(text, strict=False)


def _uri(text: str) -> bool:
    return " " not in text and (bool(urlsplit(text).scheme) or text.startswith("/"))


_HOST = r"([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9])"
FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date-time": _holds(_time),
    "datetime": _holds(_time),
    "date": _holds(_date),
    "duration": _holds(_duration),
    "byte": _holds(lambda text: base64.b64decode(text, validate=True)),
    "ipv4": _holds(ipaddress.IPv4Address),
    "ipv6": _holds(ipaddress.IPv6Address),
    "cidr": _holds(_cidr),
    "hostname": lambda text: len(text) <= 255 and _matches(rf"{_HOST}(\.{_HOST})*\.?")(text),
    "uri": _uri,
    "email": _matches(r"[^@\s]+@[^@\s]+"),
    "mac": _matches(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}"),
    "uuid": _holds(uuid.UUID),
}
