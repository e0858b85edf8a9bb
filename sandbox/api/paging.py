"""Lists in pages: what a page is, and the token that leads to the next."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...errors import ApiError
from ...kube import gojson
from ...kube.objects import Obj
from ..store.refusals import bad_request


class Page(NamedTuple):
    """A list: `continue_` is empty on the last page; `remaining` counts what follows, where nothing was selected."""

    items: Sequence[Obj]
    version: int
    continue_: str = ""
    remaining: int | None = None


Place = tuple[str, str]  # (namespace, name): the order of lists


def place_of(obj: Obj) -> Place:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Start(NamedTuple):
    """Where a page begins: after `place`, in the list as it was at `version`; -1 is as it is now."""

    place: Place = ("", "")
    version: int = -1

    def token(self) -> str:
        return opaque(json.dumps({"v": "meta.k8s.io/v1", "rv": self.version, "start": "/".join(self.place)}))


def start_of(token: str, resource_version: str) -> Start:
    """Raises ApiError (400) for a token that no page gave, and for a version beside it."""
    if not token:
        return Start()
    try:
        content = gojson.parse(transparent(token))
    except (NotBase64, gojson.NotJson) as problem:
        raise _bad(f": {problem}") from None
    if not isinstance(content, dict) or content.get("v") != "meta.k8s.io/v1":
        version = content.get("v", "") if isinstance(content, dict) else ""
        raise _bad(f": server does not recognize this encoded version {version}")
    if not isinstance(content.get("rv"), int) or not content["rv"]:
        raise _bad(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not content.get("start"):
        raise _bad(": encoded start key empty (version meta.k8s.io/v1)")
    if resource_version not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    namespace, _, name = str(content["start"]).rpartition("/")
    return Start((namespace, name), content["rv"])


def _bad(why: str) -> ApiError:
    return bad_request(f"invalid continue token: continue key is not valid{why}")


class Expired(ApiError):
    """How the list was at the version is forgotten. The rest of it as it is now is what `start` leads to, if it is given."""

    def __init__(self, start: Start | None) -> None:
        super().__init__(410, "Expired", _TOO_OLD if start else "The resourceVersion for the provided list is too old.")
        self._start = start

    @property
    def status(self) -> dict[str, Any]:
        meta = {"continue": self._start._replace(version=-1).token()} if self._start else {}
        return super().status | {"metadata": meta}


_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
    "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with "
    "the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)

# tokens


class NotBase64(ValueError):
    """The text is Go's."""


def opaque(text: str) -> str:
    """A text as a token that clients hand back and do not read."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def transparent(token: str) -> str:
    """Raises NotBase64."""
    bad = re.search("[^A-Za-z0-9_-]", token)
    if bad or len(token) % 4 == 1:
        raise NotBase64(f"illegal base64 data at input byte {bad.start() if bad else len(token) - 1}")
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode(errors="replace")
