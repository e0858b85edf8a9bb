"""Lists in pages: what a page is, and the token that leads to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..kube.objects import Obj
from .codec import opaque, transparent
from .refusals import bad_request


class Page(NamedTuple):
    """A list: `continue_` is empty on the last page; `remaining` counts what follows, where nothing was selected."""

    items: Sequence[Obj]
    version: int
    continue_: str = ""
    remaining: int | None = None


Place = tuple[str, str]  # (namespace, name): the order of lists


def place_of(obj: Obj) -> Place:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def token(version: int, last: Obj) -> str:
    namespace, name = place_of(last)
    return opaque({"v": "meta.k8s.io/v1", "rv": version, "start": f"{namespace}/{name}"})


def start_of(token_: str) -> Place:
    """Where the page begins: after that place. Raises ApiError (400)."""
    if not token_:
        return ("", "")
    try:
        namespace, _, name = str(transparent(token_)["start"]).partition("/")
    except (ValueError, KeyError, TypeError):
        raise bad_request("continue key is not valid: invalid token") from None
    return namespace, name
