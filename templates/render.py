"""Renders the templates of this folder to objects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def web(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a plain web application: Deployment, Service, and where asked for an Ingress and a PodDisruptionBudget.

    `spec` needs name and image; the other keys (camelCase, as in a release file's `web:`) have defaults. Texts arrive unchanged,
    whatever they hold. Raises jinja2.UndefinedError where a key that is needed is missing.
    """
    text = _template("web.yaml.j2").render({**_DEFAULTS, **spec})
    return list(yaml.load_all(text, Loader=_LOADER))


_DEFAULTS: Mapping[str, Any] = {
    "port": 8080,
    "replicas": 2,
    "preStopSeconds": 5,
    "gracePeriodSeconds": 30,
    "resources": {},
    "env": {},
    "labels": {},
    "annotations": {},
    "podAnnotations": {},
    "command": [],
    "args": [],
}


def as_yaml(value: Any) -> str:
    """A value as YAML in one line, which no text in it can break out of: JSON, with every other character escaped.

    JSON's own escapes are not enough: YAML takes U+0085 and U+2028 for ends of lines, and knows no surrogate pairs.
    """
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises: a name that is missing must not be written as something else
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _NOT_ASCII.sub(lambda char: f"\\U{ord(char[0]):08x}", text)


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.filters["yaml"] = as_yaml
    return environment.from_string(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
