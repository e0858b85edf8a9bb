"""What the server counts of itself, for `/metrics`: requests and objects, by the names of a real API server's metrics.

Nothing is estimated: what a real one measures beyond that is not there. (Prometheus' text format, 0.0.4.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ..store.store import Store
from .discovery import VERSION

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_VERBS = {"GET": "GET", "POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE"}


class Requests:
    """How many were answered, by verb, resource and code."""

    def __init__(self) -> None:
        self._answered: Counter[tuple[str, str, str]] = Counter()

    def note(self, verb: str, resource: str, code: int) -> None:
        self._answered[verb, resource, str(code)] += 1

    def text(self, store: Store) -> str:
        """The page."""
        objects = Counter((kind.group, kind.plural) for kind in store.kinds() for _ in store.list(kind))
        build = {"git_version": VERSION["gitVersion"], "major": VERSION["major"], "minor": VERSION["minor"]}
        return "".join([
            *_metric("kubernetes_build_info", "gauge", "Which version's behaviour this is.", [(build, 1)]),
            *_metric(
                "apiserver_request_total", "counter", "Requests that were answered.",
                [({"code": code, "resource": resource, "verb": verb}, count)
                 for (verb, resource, code), count in sorted(self._answered.items())],
            ),
            *_metric(
                "apiserver_resource_objects", "gauge", "Objects that are kept.",
                [({"group": group, "resource": resource}, count) for (group, resource), count in sorted(objects.items())],
            ),
        ])  # fmt: skip


def verb_of(method: str, *, is_named: bool, is_watch: bool) -> str:
    """As the API server calls it: a GET of several objects is a LIST or a WATCH."""
    if method == "GET" and not is_named:
        return "WATCH" if is_watch else "LIST"
    return "DELETECOLLECTION" if method == "DELETE" and not is_named else _VERBS.get(method, "other")


def right_of(verb: str) -> str:
    """What roles call such a request."""
    return {"PUT": "update", "POST": "create"}.get(verb, verb.lower())


def _metric(name: str, type_: str, help_: str, samples: Iterable[tuple[Mapping[str, str], int]]) -> Iterable[str]:
    yield f"# HELP {name} {help_}\n# TYPE {name} {type_}\n"
    for labels, value in samples:
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{name}{{{inner}}} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
