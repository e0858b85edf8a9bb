"""What an A/B test tells requests apart by: the user's short forms, written out as an Istio HTTPMatchRequest.

headers: {x-api-version: v2}        {"headers": {"x-api-version": {"exact": "v2"}}}
cookie: {group: b}                  a regular expression on the cookie header
userAgent: Firefox                  a user-agent header that contains it
query: {beta: "1"}                  {"queryParams": {"beta": {"exact": "1"}}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .wrong import Wrong

_OPERATORS = ("exact", "prefix", "regex")
_STRING_FIELDS = ("uri", "scheme", "method", "authority")
_MAP_FIELDS = ("headers", "withoutHeaders", "queryParams")
_PLAIN_FIELDS: Mapping[str, type] = {
    "name": str,
    "port": int,
    "sourceLabels": dict,
    "gateways": list,
    "ignoreUriCase": bool,
    "sourceNamespace": str,
    "statPrefix": str,
}
_HELPERS = ("cookie", "userAgent", "query")
FIELDS = (*_MAP_FIELDS, *_STRING_FIELDS, *_PLAIN_FIELDS, *_HELPERS)

_CONDITIONS = (*_MAP_FIELDS, *_STRING_FIELDS, "port", "sourceLabels", "gateways", "sourceNamespace")
_NOT_IN_RE2 = re.compile(r"\(\?(=|!|<=|<!|>|P=|\()|\\[1-9]")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name, or a cookie's."""


def normal(match: Mapping[str, Any]) -> dict[str, Any]:
    """The match in Istio's own form; one that is in it already comes back equal. Raises Wrong with a sentence."""
    unknown = next((key for key in match if key not in FIELDS), None)
    if unknown is not None:
        raise Wrong(f'unknown key "{unknown}" in a match', hint=f"it takes {', '.join(FIELDS)}")
    out: dict[str, Any] = {}
    for key, value in match.items():
        if key in _MAP_FIELDS:
            out[key] = _string_matches(key, value)
        elif key in _STRING_FIELDS:
            out[key] = string_match(key, value)
        elif key in _PLAIN_FIELDS:
            out[key] = _plain(key, value)
    _write_helpers(match, out)
    if not any(out.get(key) for key in _CONDITIONS):
        raise Wrong("a match with no condition would send every request to the second variant")
    return out


def string_match(place: str, value: Any) -> dict[str, str]:
    """A StringMatch: a bare scalar means `exact`; an empty mapping means "is there"."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return {"exact": str(value)}
    if not isinstance(value, Mapping):
        raise Wrong(f"{place}: {value!r} is neither a text nor one of {{exact: …}}, {{prefix: …}}, {{regex: …}}")
    if not value and place.startswith(_MAP_FIELDS):
        return {}
    if len(value) != 1 or next(iter(value)) not in _OPERATORS:
        raise Wrong(f"{place}: takes exactly one of exact, prefix, regex; seen: {', '.join(map(str, value)) or 'nothing'}")
    operator, text = next(iter(value.items()))
    if not isinstance(text, str):
        raise Wrong(f"{place}.{operator}: {text!r} is not a text; quote it")
    if operator == "regex":
        _check_regex(f"{place}.regex", text)
    return {operator: text}


def _string_matches(place: str, value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, Mapping) or not value:
        raise Wrong(f"{place}: takes a mapping from names to {{exact: …}}, {{prefix: …}} or {{regex: …}}")
    is_header = place != "queryParams"
    out: dict[str, dict[str, str]] = {}
    for name, wanted in value.items():
        if not isinstance(name, str) or not name or (is_header and not TOKEN.fullmatch(name)):
            raise Wrong(f"{place}: {name!r} is no name")
        # Header names are case-insensitive, but Istio matches only the lower-case form.
        out[name.lower() if is_header else name] = string_match(f"{place}.{name}", wanted)
    return out


def _plain(key: str, value: Any) -> Any:
    wanted = _PLAIN_FIELDS[key]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise Wrong(f"{key}: {value!r} is not a {_WORDS[wanted]}")
    return value


_WORDS: Mapping[type, str] = {str: "text", int: "whole number", dict: "mapping", list: "list", bool: "boolean"}


def _write_helpers(match: Mapping[str, Any], out: dict[str, Any]) -> None:
    if "query" in match:
        if "queryParams" in match:
            raise Wrong("query and queryParams are the same thing: write one of them")
        out["queryParams"] = _string_matches("queryParams", match["query"])
    for helper, header, written in (("cookie", "cookie", _cookie), ("userAgent", "user-agent", _user_agent)):
        if helper not in match:
            continue
        headers = dict(out.get("headers", {}))
        if header in headers:
            raise Wrong(f"{helper} and headers.{header} are the same thing: write one of them")
        out["headers"] = {**headers, header: written(match[helper])}


def _cookie(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise Wrong("cookie: takes one cookie, as {name: value}")
    name, wanted = next(iter(value.items()))
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        raise Wrong(f"cookie: {name!r} is no cookie's name")
    (operator, text), *_ = string_match(f"cookie.{name}", wanted).items()
    # The header holds all cookies of a request, "a=1; b=2".
    pattern = {"exact": re.escape(text), "prefix": re.escape(text) + "[^;]*", "regex": f"({text})"}[operator]
    return {"regex": rf"(.*;\s*)?{re.escape(name)}={pattern}(;.*)?"}


def _user_agent(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        if not value:
            raise Wrong("userAgent is empty: every browser's name would match")
        return {"regex": f".*{re.escape(value)}.*"}
    return string_match("userAgent", value)


def _check_regex(place: str, text: str) -> None:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Wrong(f"{place}: {text!r} is no regular expression: {error}") from error
    if _NOT_IN_RE2.search(text):
        raise Wrong(f"{place}: {text!r} looks around or back, which Istio's regular expressions (RE2) cannot")


# what a match says, in words

_COOKIE_OF = re.compile(r"\(\.\*;\\s\*\)\?(?P<name>.+?)=(?P<value>.*)\(;\.\*\)\?")
_AGENT_OF = re.compile(r"\.\*(?P<value>.+)\.\*")
_HEADS = {"uri": "path", "authority": "host"}


def words(match: Mapping[str, Any]) -> str:
    """ "x-version: b and path /admin…", of a match in its normal form."""
    said = [_header_words(name, wanted) for name, wanted in (match.get("headers") or {}).items()]
    said += [f"no {_header_words(name, wanted)}" for name, wanted in (match.get("withoutHeaders") or {}).items()]
    said += [f"?{name}={_text_words(wanted) or '…'}" for name, wanted in (match.get("queryParams") or {}).items()]
    said += [f"{_HEADS.get(key, key)} {_text_words(match[key])}" for key in _STRING_FIELDS if match.get(key)]
    others = [key for key in _CONDITIONS if match.get(key) and key not in (*_MAP_FIELDS, *_STRING_FIELDS)]
    return " and ".join([*said, *(f"{key} {_value_words(match[key])}" for key in others)])


def _header_words(name: str, wanted: Mapping[str, str]) -> str:
    pattern = wanted.get("regex", "")
    if name == "cookie" and (cookie := _COOKIE_OF.fullmatch(pattern)):
        return f"cookie {_unescaped(cookie['name'])}={_unescaped(cookie['value']).replace('[^;]*', '…')}"
    if name == "user-agent" and (agent := _AGENT_OF.fullmatch(pattern)):
        return f"{name}: …{_unescaped(agent['value'])}…"
    return f"{name}: {text}" if (text := _text_words(wanted)) else name


def _text_words(wanted: Mapping[str, str]) -> str:
    """Empty where it only has to be there."""
    (operator, text), *_ = [*wanted.items()] or [("exact", "")]
    return {"exact": text, "prefix": f"{text}…"}.get(operator, f"~{text}")


def _value_words(value: Any) -> str:
    """ "app=web,tier=paid" of labels, "mesh, front" of a list."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={wanted}" for name, wanted in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _unescaped(pattern: str) -> str:
    return re.sub(r"\\(.)", r"\1", pattern)
