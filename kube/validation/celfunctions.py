"""Functions that Kubernetes adds to CEL: of texts, lists, quantities, URLs and addresses. What `quantity`, `url`, `ip` and `cidr`
make is a text here, which the functions of these read. (Kubernetes 1.36, apiserver's cel/library.)
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from ..codec import Misfit, amount
from .celcost import bounded, check_pattern


def _index_of(of: Any, what: Any, start: int = 0) -> int:
    if isinstance(of, str):
        return of.find(what, start)
    return next((place for place, each in enumerate(of) if each == what), -1)


def _last_index_of(of: Any, what: Any) -> int:
    if isinstance(of, str):
        return of.rfind(what)
    return next((place for place in range(len(of) - 1, -1, -1) if of[place] == what), -1)


def _split(text: str, by: str, most: int = -1) -> list[str]:
    if most in (0, 1):
        return [text] if most else []
    return text.split(by, most - 1 if most > 0 else -1) if by else list(text)


def _find(text: str, pattern: str) -> str:
    check_pattern(pattern, text)
    found = re.search(pattern, text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    check_pattern(pattern, text)
    found = [each[0] for each in re.finditer(pattern, text)]
    return found if most < 0 else found[:most]


def _is(read: Callable[[str], Any]) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            read(value)
        except (ValueError, TypeError, Misfit):
            return False
        return True

    return fits


def _quantity(text: str) -> str:
    amount(text)
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if not (parts.scheme and parts.netloc) and not text.startswith("/"):
        raise ValueError(f"URL parse error during conversion from string: parse {text!r}: invalid URI for request")
    return text


def _cidr(text: str) -> str:
    if "/" not in text:
        raise ValueError(f"network address parse error during conversion from string: {text}")
    ipaddress.ip_interface(text)
    return text


def _ip(text: str) -> str:
    ipaddress.ip_address(text)
    return text


def _contains_ip(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


def _port(text: str) -> str:
    port = urlsplit(text).port
    return "" if port is None else str(port)


def _host(text: str) -> str:
    return urlsplit(text).netloc.rpartition("@")[2]


def _compared(left: str, right: str) -> int:
    one, other = amount(left), amount(right)
    return (one > other) - (one < other)


def _ordered(values: Sequence[Any]) -> bool:
    return all(left <= right for left, right in pairwise(values))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "charAt": lambda text, place: text[place : place + 1],
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "join": lambda parts, by="": bounded(by.join(parts)),
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "replace": lambda text, old, new, most=-1: bounded(text.replace(old, new, most)),
    "split": _split,
    "substring": lambda text, start, end=None: text[start:end],
    "trim": lambda text: text.strip(),
    "find": _find,
    "findAll": _find_all,
    "isSorted": _ordered,
    "sum": lambda values: sum(values),
    "isQuantity": _is(_quantity),
    "quantity": _quantity,
    "isGreaterThan": lambda left, right: _compared(left, right) > 0,
    "isLessThan": lambda left, right: _compared(left, right) < 0,
    "compareTo": _compared,
    "sign": lambda text: _compared(text, "0"),
    "isInteger": lambda text: amount(text) == amount(text).to_integral_value(),
    "asInteger": lambda text: int(amount(text)),
    "asApproximateFloat": lambda text: float(amount(text)),
    "isURL": _is(_url),
    "url": _url,
    "getScheme": lambda text: urlsplit(text).scheme,
    "getHost": _host,
    "getHostname": lambda text: urlsplit(text).hostname or "",
    "getPort": _port,
    "getEscapedPath": lambda text: urlsplit(text).path,
    "isIP": _is(_ip),
    "ip": _ip,
    "family": lambda text: ipaddress.ip_interface(text).version,
    "isCIDR": _is(_cidr),
    "cidr": _cidr,
    "containsIP": _contains_ip,
    "prefixLength": lambda text: ipaddress.ip_interface(text).network.prefixlen,
}
