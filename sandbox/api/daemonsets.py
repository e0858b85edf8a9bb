"""The generation of a DaemonSet's template, which the server keeps in an annotation from before there were revisions."""

from __future__ import annotations

from ...kube.objects import Obj, annotations_of

GENERATION = "deprecated.daemonset.template.generation"


def begin(obj: Obj, *, number: int) -> None:
    """In place: a new set is written with 0, which its writer owns, and kept with 1."""
    obj["metadata"]["annotations"] = {**annotations_of(obj), GENERATION: str(number)}


def count(obj: Obj, live: Obj) -> None:
    """In place: one more where the template is another; nobody else sets it."""
    number = int(annotations_of(live).get(GENERATION) or 0) + (obj["spec"]["template"] != live["spec"]["template"])
    begin(obj, number=number)
