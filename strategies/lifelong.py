"""What a workload keeps for its whole life: the API server refuses an apply that changes it. Pure."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.objects import DEPLOYMENT, Obj, get, is_a, ref_of
from ..kube.printed import selector_text
from ..kube.workload import workload_of
from ..plan.diff import changes

MOST_FIELDS = 3


def has_other_selector(live: Obj | None, manifest: Obj) -> bool:
    """Whether a live Deployment selects its pods otherwise than the manifest does."""
    if live is None or not is_a(manifest, DEPLOYMENT):
        return False
    was, wanted = _selectors(live, manifest)
    return bool(changes({"selector": was}, {"selector": wanted}))


def refuse_other_selector(live: Obj, manifest: Obj) -> None:
    """Raises BadInput for a manifest whose selector is another one than that of the live Deployment."""
    was, wanted = _selectors(live, manifest)
    raise BadInput(
        f"{ref_of(manifest)} selects its pods by {selector_text(was)}, the manifest by {selector_text(wanted)}",
        hint="a Deployment's selector cannot be changed: keep it; choose blue-green, whose sides have one each, or canary, which "
        "makes it anew behind its second Deployment; or give the Deployment another name and another `app`",
    )


def refuse_fixed(live: Obj, after: Obj) -> None:
    """Raises BadInput where `after` an apply a set would have another value of a field that it keeps: it is never made anew in
    silence, as its pods, and what they keep, would go with it."""
    known = workload_of(live)
    if found := changes(known.fixed(live), known.fixed(after)):
        fields = ", ".join(dict.fromkeys(f".spec{change.path}" for change in found[:MOST_FIELDS]))
        raise BadInput(
            f"{ref_of(live)} cannot be changed in {fields}: the API server refuses it",
            hint=f"keep it; or `kubectl delete {known.kind.name.lower()} {live['metadata']['name']} --cascade=orphan` "
            "and apply again: its pods run on, their claims stay, and the new one takes them up",
        )


def _selectors(live: Obj, manifest: Obj) -> tuple[Obj, Obj]:
    was, wanted = (get(obj, "spec", "selector", default={}) for obj in (live, manifest))
    return was, wanted
