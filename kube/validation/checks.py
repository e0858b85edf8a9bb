"""The words of validation: field errors as the API server prints them, and its rules for names, labels and numbers."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import Invalid


class Problem(NamedTuple):
    """One field error: `reason` as in a Status cause, `text` as printed after the field."""

    field: str
    reason: str
    text: str


Problems = Iterator[Problem]


def shown(value: Any) -> str:
    """A value as field errors print it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def invalid(field: str, value: Any, why: str) -> Problem:
    return Problem(field, "FieldValueInvalid", f"Invalid value: {shown(value)}: {why}")


def contradictory(field: str, why: str) -> Problem:
    """Invalid as a whole: the value is left out of the message."""
    return Problem(field, "FieldValueInvalid", f"Invalid value: {why}")


def immutable(field: str, value: Any) -> Problem:
    return invalid(field, value, "field is immutable")


def required(field: str, why: str = "") -> Problem:
    return Problem(field, "FieldValueRequired", "Required value" + (f": {why}" if why else ""))


def forbidden(field: str, why: str) -> Problem:
    return Problem(field, "FieldValueForbidden", f"Forbidden: {why}")


def duplicate(field: str, value: Any) -> Problem:
    return Problem(field, "FieldValueDuplicate", f"Duplicate value: {shown(value)}")


def too_many(field: str, count: int, limit: int) -> Problem:
    return Problem(field, "FieldValueTooMany", f"Too many: {count}: must have at most {limit} items")


def not_found(field: str, value: Any) -> Problem:
    return Problem(field, "FieldValueNotFound", f"Not found: {shown(value)}")


def too_long(field: str, limit: int) -> Problem:
    return Problem(field, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")


def valid_values(known: Iterable[str]) -> str:
    """What goes with "Required value" where only some values will do."""
    return f"valid values: [{' '.join(map(shown, known))}]"


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Problem:
    names = ", ".join(json.dumps(name) for name in supported)
    return Problem(field, "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {names}")


def refusal(kind: str, group: str, name: str, problems: Sequence[Problem]) -> Invalid:
    """The Status for these problems: 422, all of them in the causes, each once in the message."""
    what = f"{kind}.{group}" if group else kind
    lines = list(dict.fromkeys(f"{problem.field}: {problem.text}" for problem in problems))
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    causes = [{"reason": problem.reason, "message": problem.text, "field": problem.field} for problem in problems]
    details: dict[str, Any] = {"name": name, "group": group, "kind": kind, "causes": causes}
    return Invalid(
        422,
        "Invalid",
        f'{what} "{name}" is invalid: {text}',
        {key: value for key, value in details.items() if value},
    )


# names

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"

Rule = Callable[[str], list[str]]


def _regex_error(text: str, pattern: str, *examples: str) -> str:
    shown_examples = "".join(
        f"'{example}', " + (" or " if place < len(examples) - 1 else "") for place, example in enumerate(examples)
    ).removesuffix(", ")
    return f"{text} (e.g. {shown_examples}, regex used for validation is '{pattern}')"


def _name(value: str, longest: int, pattern: str, text: str, *examples: str) -> list[str]:
    found = [f"must be no more than {longest} bytes"] if len(value) > longest else []
    return found if re.fullmatch(pattern, value) else [*found, _regex_error(text, pattern, *examples)]


def label_name(value: str) -> list[str]:
    """RFC 1123 label: container names, namespaces."""
    text = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character"
    )
    return _name(value, 63, _LABEL, text, "my-name", "123-abc")


def label_1035(value: str) -> list[str]:
    """DNS-1035 label: Service names."""
    text = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character"
    )
    return _name(value, 63, _LABEL_1035, text, "my-name", "abc-123")


def subdomain_name(value: str) -> list[str]:
    """RFC 1123 subdomain: most object names."""
    text = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must start and end with an alphanumeric character"
    )
    return _name(value, 253, _SUBDOMAIN, text, "example.com")


def wildcard_subdomain(value: str) -> list[str]:
    """Hosts of Ingresses: everything below a domain."""
    pattern = rf"\*\.{_SUBDOMAIN}"
    text = (
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case "
        "alphanumeric characters, '-' or '.' and end with an alphanumeric character"
    )
    return _name(value, 253, pattern, text, "*.example.com")


def path_segment(value: str) -> list[str]:
    """What RBAC objects may be called."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{mark}'" for mark in "/%" if mark in value]


def qualified_name(value: str) -> list[str]:
    """Label and annotation keys: an optional prefix, a slash, a name."""
    rule = _regex_error(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        _QUALIFIED,
        "MyName",
        "my.name",
        "123-abc",
    )
    found: list[str] = []
    parts = value.split("/")
    if len(parts) > 2:
        return [f"a qualified name {rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    if len(parts) == 2:
        if not parts[0]:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {why}" for why in subdomain_name(parts[0])]
    name = parts[-1]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_QUALIFIED, name):
        found.append(f"name part {rule}")
    return found


def label_value(value: str) -> list[str]:
    text = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    return _name(value, 63, _LABEL_VALUE, text, "MyValue", "my_value", "12345")


def domain_path(value: str) -> list[str]:
    """A domain, a slash, a path: who manages an object."""
    host, _, path = value.partition("/")
    if not value:
        return ["must not be empty"]
    if not host or not path:
        return ['must be a domain-prefixed path (such as "acme.io/foo")']
    if found := subdomain_name(host):
        return found
    rule = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
    return [] if re.fullmatch(rule, path) else [_regex_error("Invalid path", rule)]


def config_key(value: str) -> list[str]:
    """Keys of ConfigMaps and Secrets."""
    text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    found = _name(value, 253, "[-._a-zA-Z0-9]+", text, "key.name", "KEY_NAME", "key-name")
    if value in (".", ".."):
        found.append(f"must not be '{value}'")
    elif value.startswith(".."):
        found.append("must not start with '..'")
    return found


def env_name(value: str) -> list[str]:
    found = []
    if not value or any(not " " <= mark <= "~" or mark == "=" for mark in value):
        found.append(
            "a valid environment variable name must consist only of printable ASCII characters other than '=' "
            "(e.g. 'my-name',  or 'MY.NAME',  or 'MyName1', regex used for validation is '^[ -<>-~]+$')"
        )
    return found


def port_name(value: str) -> list[str]:
    """IANA service names: what ports may be called."""
    found = []
    if len(value) > 15:
        found.append("must be no more than 15 characters")
    if not re.fullmatch("[-a-z0-9]+", value):
        found.append("must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


# fields


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def by_rule(field: str, value: str, rule: Rule) -> Problems:
    for why in rule(value):
        yield invalid(field, value, why)


def not_negative(field: str, value: int | None) -> Problems:
    if value is not None and value < 0:
        yield invalid(field, value, "must be greater than or equal to 0")


def in_range(field: str, value: int, low: int, high: int) -> Problems:
    if not low <= value <= high:
        yield invalid(field, value, f"must be between {low} and {high}, inclusive")


def port_number(field: str, value: int) -> Problems:
    yield from in_range(field, value, 1, 65535)


def port_or_name(field: str, value: int | str) -> Problems:
    if isinstance(value, int):
        yield from port_number(field, value)
    else:
        yield from by_rule(field, value, port_name)


def count_or_percent(field: str, value: int | str) -> Problems:
    if isinstance(value, int):
        yield from not_negative(field, value)
    elif not re.fullmatch("[0-9]+%", value):
        why = _regex_error("a valid percent string must be a numeric string followed by an ending '%'", "[0-9]+%", "1%", "93%")
        yield invalid(field, value, why)


def labels(field: str, values: Mapping[str, str] | None) -> Problems:
    for key in sorted(values or {}):
        yield from by_rule(field, key, qualified_name)
        yield from by_rule(field, (values or {})[key], label_value)


def annotation_map(field: str, values: Mapping[str, str] | None) -> Problems:
    for key in sorted(values or {}):
        for why in qualified_name(key.lower()):
            yield invalid(field, key, why)
    if sum(len(key.encode()) + len(value.encode()) for key, value in (values or {}).items()) > 256 * 1024:
        yield Problem(field, "FieldValueTooLong", "Too long: may not be more than 262144 bytes")


def label_selector(field: str, selector: Mapping[str, Any] | None) -> Problems:
    yield from labels(f"{field}.matchLabels", (selector or {}).get("matchLabels"))
    for place, term in enumerate((selector or {}).get("matchExpressions") or ()):
        yield from label_expression(f"{field}.matchExpressions[{place}]", term)


def label_expression(field: str, term: Mapping[str, Any]) -> Problems:
    operator, values = term.get("operator", ""), term.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden(f"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    else:
        yield invalid(f"{field}.operator", operator, "not a valid selector operator")
    yield from by_rule(f"{field}.key", term.get("key", ""), qualified_name)
    for place, value in enumerate(values):
        yield from by_rule(f"{field}.values[{place}]", value, label_value)
