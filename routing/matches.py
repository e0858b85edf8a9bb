"""Two Istio HTTPMatchRequests at once: the match that holds where both hold, neither more nor less.

A combination that no request can meet is None. Where it cannot be written as one match, such as two regular expressions on one
header, it is Undecided: a rule that takes other requests than those of both would send somebody where nobody asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..kube.objects import Obj, get

_TEXTS = ("scheme", "method", "authority")
_VALUES = ("port", "sourceNamespace")
_META = ".^$*+?{}[]|()\\"
_QUANTIFIERS = "*?{"


class Undecided(ValueError):
    """The two cannot be written as one. Reads "the header cookie: regex … and regex …"."""


class _Never(Exception):
    """No request meets both."""


def both(own: Mapping[str, Any], extra: Mapping[str, Any]) -> Obj | None:
    """`own` and `extra` as one match; None where they exclude each other. Raises Undecided."""
    out: Obj = {key: value for key, value in {**extra, **own}.items() if key != "ignoreUriCase"}
    try:
        out |= _path(own, extra)
        for key in _TEXTS:
            if key in own and key in extra:
                out[key] = _narrower(key, own[key], extra[key])
        for key in ("headers", "queryParams"):
            out |= _joined(key, own, extra, _narrower)
        out |= _joined("withoutHeaders", own, extra, _wider)
        out |= _sources(own, extra)
        _refuse_contradiction(out)
    except _Never:
        return None
    return out


def moved(rewrite: Mapping[str, Any], own: Mapping[str, Any], narrowed: Mapping[str, Any]) -> Obj:
    """The rewrite of a rule that matches `own`, for the part of its requests that `narrowed` takes: to the same paths as ever.

    Envoy puts `uri` in the place of the prefix that matched, and of the whole path where that is exact or a regular expression.
    Raises Undecided where that cannot be said of the narrowed match.
    """
    wanted, path, was = rewrite.get("uri"), narrowed.get("uri") or {}, own.get("uri") or {}
    is_whole = bool(was.keys() & {"exact", "regex"})
    if not wanted or path == was or (is_whole and "prefix" not in path):
        return dict(rewrite)
    if is_whole:
        raise Undecided(f"uri: {_said(was)} and {_said(path)}, and the rewrite of the whole path to {wanted}")
    if "regex" in path:
        raise Undecided(f"uri: {_said(path)} and the rewrite of a prefix to {wanted}")
    prefix = get(own, "uri", "prefix", default="/")
    rest = str(next(iter(path.values())))[len(prefix) :]
    if narrowed.get("ignoreUriCase") and rest.lower() != rest.upper():
        raise Undecided(f"uri: {_said(path)} in any case, and the rewrite of a prefix to {wanted}")
    if wanted == "/" and not prefix.endswith("/"):  # Istio does not make two slashes of /a/b
        rest = rest.removeprefix("/")
    return {**rewrite, "uri": wanted + rest}


# single texts


def _narrower(where: str, one: Obj, other: Obj, one_ignores: bool = False, other_ignores: bool = False) -> Obj:
    """The StringMatch that holds where both do."""
    if one == other and one_ignores == other_ignores:
        return one
    if _implies(one, other, ignores_case=other_ignores) and (other_ignores or not one_ignores):
        return one
    if _implies(other, one, ignores_case=one_ignores) and (one_ignores or not other_ignores):
        return other
    if _excludes(one, other, ignores_case=one_ignores or other_ignores):
        raise _Never
    raise Undecided(f"{where}: {_said(one)} and {_said(other)}")


def _wider(where: str, one: Obj, other: Obj) -> Obj:
    """The StringMatch that holds where either does, as what must not be there."""
    if _implies(one, other):
        return other
    if _implies(other, one):
        return one
    return {"regex": f"({_pattern(one)}|{_pattern(other)})"}


def _implies(one: Obj, other: Obj, *, ignores_case: bool = False) -> bool:
    """Whether every text that `one` takes is known to be taken by `other`."""
    (how, text), (other_how, other_text) = _simple(one), _simple(other)
    if ignores_case and "regex" not in (how, other_how):
        text, other_text = text.lower(), other_text.lower()
    if (how, text) == (other_how, other_text) or (other_how, other_text) == ("prefix", ""):
        return True
    if other_how == "prefix":
        return (text if how != "regex" else _start(text)).startswith(other_text)
    return how == "exact" and other_how == "regex" and _fits(other_text, text)


def _excludes(one: Obj, other: Obj, *, ignores_case: bool) -> bool:
    """Whether no text is taken by both, as far as can be known."""
    (how, text), (other_how, other_text) = _simple(one), _simple(other)
    if "regex" in (how, other_how):
        if how == "exact" or other_how == "exact":
            pattern, exact = (other_text, text) if how == "exact" else (text, other_text)
            return not ignores_case and not _fits(pattern, exact)
        text, other_text = (_start(each) if way == "regex" else each for way, each in ((how, text), (other_how, other_text)))
        how = other_how = "prefix"
    if ignores_case:
        text, other_text = text.lower(), other_text.lower()
    if how == other_how == "exact":
        return text != other_text
    if how == "exact":
        return not text.startswith(other_text)
    if other_how == "exact":
        return not other_text.startswith(text)
    return not (text.startswith(other_text) or other_text.startswith(text))


def _simple(wanted: Mapping[str, Any]) -> tuple[str, str]:
    """A StringMatch as what it comes to: ("exact" | "prefix" | "regex", text). Every text has the prefix "", which an empty
    StringMatch stands for; the regular expression `/a.*` is a prefix."""
    how, text = next(((how, str(wanted[how])) for how in ("exact", "prefix", "regex") if how in wanted), ("prefix", ""))
    if how != "regex":
        return how, text
    start, rest = _started(text)
    if rest in ("", "$"):
        return "exact", start
    return ("prefix", start) if rest in (".*", ".*$") else (how, text)


def _start(pattern: str) -> str:
    """The text that everything begins with which a regular expression takes as a whole."""
    return _started(pattern)[0]


def _started(pattern: str) -> tuple[str, str]:
    """The plain text at the beginning of a regular expression, and the rest of it."""
    if _has_alternatives(pattern):
        return "", pattern
    out, place = "", 1 if pattern.startswith("^") else 0
    while place < len(pattern):
        begun, sign = place, pattern[place]
        if sign == "\\" and place + 1 < len(pattern) and not pattern[place + 1].isalnum():
            place, sign = place + 1, pattern[place + 1]
        elif sign in _META:
            return out, pattern[begun:]
        place += 1
        if pattern[place : place + 1] and pattern[place] in _QUANTIFIERS:
            return out, pattern[begun:]
        out += sign
    return out, ""


def _has_alternatives(pattern: str) -> bool:
    """Whether there is a `|` outside of groups and classes."""
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "", pattern)
    depth = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            return True
    return False


def _fits(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        raise Undecided(f"regex {pattern} and exact {text}") from None


def _pattern(wanted: Obj) -> str:
    how, text = next(iter(wanted.items()))
    return str({"exact": re.escape(text), "prefix": f"{re.escape(text)}.*"}.get(how, text))


def _said(wanted: Obj) -> str:
    return " ".join(map(str, next(iter(wanted.items()), ("any",))))


# the fields of a match


def _path(own: Mapping[str, Any], extra: Mapping[str, Any]) -> Obj:
    """The path, and whether its case counts."""
    one, other = own.get("uri") or {}, extra.get("uri") or {}
    flags = [_ignores_case(one, own), _ignores_case(other, extra)]
    if not (one and other):
        return {"uri": one or other, **({"ignoreUriCase": True} if any(flags) else {})} if one or other else {}
    for place, text in ((0, one), (1, other)):
        if "regex" not in text and _simple(text)[1].lower() == _simple(text)[1].upper():
            flags[place] = flags[1 - place]  # without letters it means the same
    path = _narrower("uri", one, other, *flags)
    out: Obj = {"uri": path}
    return out | ({"ignoreUriCase": flags[0] if path is one else flags[1]} if any(flags) else {})


def _ignores_case(path: Obj, match: Mapping[str, Any]) -> bool:
    return bool(match.get("ignoreUriCase")) and "regex" not in path and bool(path)


def _joined(key: str, own: Mapping[str, Any], extra: Mapping[str, Any], meet: Any) -> Obj:
    """A map of StringMatches, by names in lower case where they are headers."""
    if not own.get(key) or not extra.get(key):
        return {key: own.get(key) or extra.get(key)} if own.get(key) or extra.get(key) else {}
    one, other = (
        {name if key == "queryParams" else name.lower(): value for name, value in match[key].items()} for match in (own, extra)
    )
    word = "query parameter" if key == "queryParams" else "header"
    met = {name: meet(f"{word} {name}", one[name] or {}, other[name] or {}) for name in one if name in other}
    return {key: {**one, **other, **met}}


def _sources(own: Mapping[str, Any], extra: Mapping[str, Any]) -> Obj:
    """Who calls, and by which way: equal, in both lists, or together."""
    out: Obj = {}
    for key in _VALUES:
        if own.get(key) and extra.get(key) and own[key] != extra[key]:
            raise _Never
        if own.get(key) or extra.get(key):
            out[key] = own.get(key) or extra.get(key)
    if own.get("gateways") and extra.get("gateways"):
        out["gateways"] = [name for name in own["gateways"] if name in extra["gateways"]]
        if not out["gateways"]:
            raise _Never
    labels, others = own.get("sourceLabels") or {}, extra.get("sourceLabels") or {}
    if any(others.get(name, value) != value for name, value in labels.items()):
        raise _Never
    if labels or others:
        out["sourceLabels"] = {**others, **labels}
    return out


def _refuse_contradiction(match: Obj) -> None:
    """A header that must be there as it must not."""
    unwanted = {name.lower(): value for name, value in (match.get("withoutHeaders") or {}).items()}
    for name, wanted in (match.get("headers") or {}).items():
        other = unwanted.get(name.lower())
        if other is not None and _implies(wanted or {}, other or {}):
            raise _Never
