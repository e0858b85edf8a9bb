"""Templates of queries and addresses: `{{ name }}` stands for what is known of the release when something is measured.

Plain names and nothing else, so that a release file can run nothing; other braces, PromQL's, are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VARIABLES: Mapping[str, str] = {
    "app": "the application's name",
    "namespace": "its namespace",
    "service": "the Service that stands for it",
    "deployment": "the Deployment of the side that is measured",
    "track": "the side's track: stable, canary, green, b …",
    "pods": "a regular expression that matches the names of the side's pods",
    "version": "the side's version",
    "revision": "the number of the release",
    "weight": "the share that was asked for, in percent",
    "interval": "what the measurement is of, such as 10s",
    "from": "when that began, in seconds since 1970",
    "to": "when it ended",
}
"""What a template may name."""

SIDED = ("deployment", "track", "pods", "version")
"""Those of them that differ between the two versions: a query without any of these sees both as one."""

_NAME = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def names_in(text: str) -> list[str]:
    """The names that a template asks for, in order, once each."""
    return list(dict.fromkeys(_NAME.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with every name replaced. Raises KeyError for one that has no value."""
    return _NAME.sub(lambda found: values[found[1]], text)
