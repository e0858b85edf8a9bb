"""A pod as a controller makes it of a template, whether it is let in, and when it is tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

from ...kube.clock import timestamp
from ...kube.defaults import fill
from ...kube.objects import POD, Kind, Obj, controller_ref, copied
from ..api.admission import admitted
from ..store.store import Store

FIRST_RETRY_S, LAST_RETRY_S = 0.005, 1000.0  # the wait doubles with each refusal


def pod_of(template: Obj, kind: Kind, owner: Obj, name: str, now: datetime) -> Obj:
    """With the defaults that the API server gives to pods, and not to templates. The template is not touched."""
    meta = template.get("metadata") or {}
    inherited = {key: copied(meta[key]) for key in ("labels", "annotations", "finalizers") if meta.get(key)}
    pod: Obj = {
        "apiVersion": POD.api_version,
        "kind": POD.name,
        "metadata": inherited
        | {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "generation": 1,
            "creationTimestamp": timestamp(now),
            "ownerReferences": [controller_ref(kind, owner)],
        },
        "spec": copied(template["spec"]),
        "status": {"phase": "Pending"},
    }
    fill(pod)
    return pod


class Door:
    """Through which the pods of controllers come in, as anybody's do: `admit` adds to them what their manifests do not say.
    `presumes`: what nobody said of the cluster is as pods need it."""

    def __init__(self, store: Store, admit: Callable[[Obj], Obj] | None = None, *, presumes: bool = False) -> None:
        self._store, self.presumes = store, presumes
        self._admit = admit or (lambda pod: pod)
        self._random = Random(store.version)

    def let_in(self, pod: Obj) -> Obj:
        """The pod as admitted. Raises ApiError where the API server would refuse it."""
        return admitted(self._store, self._admit(pod), self._random, presumes=self.presumes)


class Retries:
    """How long whoever had a pod refused waits until it tries again: seconds, doubling from the first to the last."""

    def __init__(self, first_s: float = FIRST_RETRY_S, last_s: float = LAST_RETRY_S) -> None:
        self._first_s, self._last_s = first_s, last_s
        self._refusals: dict[tuple[str, str], int] = {}  # in a row

    def refused(self, namespace: str, name: str) -> float:
        """Notes one more. Answers the seconds to wait."""
        tries = self._refusals[namespace, name] = self._refusals.get((namespace, name), 0) + 1
        return min(self._first_s * 2.0 ** min(tries - 1, 20), self._last_s)

    def over(self, namespace: str, name: str) -> None:
        self._refusals.pop((namespace, name), None)
