"""Whose fields a release has taken, and how those that it has left as it found them go back to whom they were taken from; and
what kubectl has applied that goes with the release.

A write that changes a field takes it from everybody else who managed it, for good: an owner whose value stands there again would
still meet a conflict when they next change it. The entries are put right in a request of their own: in one with the value, the
API server makes its writer the owner once more (measured on Kubernetes 1.36).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from ..kube import fieldset, lastapplied, ssa
from ..kube.fieldset import ABSENT, NOTHING, FieldSet, Path
from ..kube.objects import JOB, PERSISTENT_VOLUME_CLAIM, Obj, digest, get, is_a, ref_of
from ..kube.ssa import Owner, Share
from .drift import CONTROLLERS
from .marks import is_our_apply
from .observed import FIELD_MANAGER
from .steps import Loan

SPEC = "f:spec"
CLIENT_SIDE = "kubectl-client-side-apply"
KEPT: FieldSet = frozenset({(SPEC, "f:replicas"), ("f:metadata", "f:labels"), ("f:metadata", "f:annotations")})
"""Which kubectl may hold without having meant it for ever: who leaves the number out leaves it to an autoscaler."""
FIXED = (PERSISTENT_VOLUME_CLAIM, JOB)
"""Kinds of which the API server lets hardly anything go."""


def taken(found: Obj, live: Obj, after: Obj, *, entirely: bool = False) -> Iterator[Loan]:
    """The fields of others that a write takes which makes `after` of `live`; `found` is the object as it was before the first
    write of all. `entirely`: and where it takes one, those that rollway comes to hold beside others, with their value.

    But for these, what stands in a spec alone: nothing else is changed for the time of a release. What was written by way of a
    subresource, as an autoscaler does, is decided anew by whoever did.
    """
    shares = ssa.shares_of(found).values()
    others = [share for share in shares if _is_others(share.owner)]
    if not others:
        return
    ours = _applied(found)
    changed = fieldset.compare({"spec": live.get("spec")}, {"spec": after.get("spec")}, ssa.type_of(after))
    lost = changed.added | changed.modified | changed.removed
    if entirely and any(share.fields & lost for share in others):
        lost |= _applied(after) - ours
    for share in others:
        for path in fieldset.ordered(share.fields & lost):
            owner, was = share.owner, fingerprint(fieldset.value_at(found, path))
            operation: Literal["Apply", "Update"] = "Apply" if owner.operation == "Apply" else "Update"
            if path[0] == SPEC or entirely:
                yield Loan(
                    ref=ref_of(found), manager=owner.manager, operation=operation, api_version=owner.api_version, path=path,
                    was=was, is_shared=path in ours,
                )  # fmt: skip


def dropped(live: Obj | None, manifest: Obj) -> tuple[Path, ...]:
    """What `kubectl apply`, of either kind, has put there and the manifest no longer has: kubectl's next apply would take it
    away, and so has that of whoever takes its place. Where rollway has applied the object before, that alone of it which it held,
    too: the rest somebody has added since."""
    entries = get(live, "metadata", "managedFields", default=[])
    if live is None or not any(entry.get("manager") in (lastapplied.KUBECTL, CLIENT_SIDE) for entry in entries):
        return ()
    if any(is_a(live, kind) for kind in FIXED):
        return ()
    type_, ours = ssa.type_of(manifest), _applied(live)
    theirs = [share for share in ssa.shares_of(live).values() if _is_kubectls(share.owner)]
    noted = lastapplied.written(live, manifest["apiVersion"], type_)
    # a client-side apply is noted to hold what the API server has filled in, too
    held = [share.fields if share.owner.operation == "Apply" else share.fields & noted for share in theirs]
    found = NOTHING.union(*held) & ours if ours else NOTHING.union(*held)
    return tuple(fieldset.ordered(found - fieldset.fields_of(manifest, type_) - KEPT))


def claimed(live: Obj, paths: Iterable[Path], api_version: str) -> list[Obj] | None:
    """The managedFields in which those of these fields that kubectl holds are such as rollway has applied last, so that its next
    apply takes away what it no longer has; None where kubectl holds none."""
    shares, asked, moved = ssa.shares_of(live), frozenset(paths), NOTHING
    for key, share in list(shares.items()):
        if _is_kubectls(share.owner):
            moved |= share.fields & asked
            shares[key] = share._replace(fields=share.fields - asked)
    if not moved:
        return None
    own = Owner(FIELD_MANAGER, "Apply", api_version, "")
    share = shares.get(own.key, Share(own, NOTHING, ""))
    shares[own.key] = share._replace(fields=share.fields | moved)
    return ssa.entries_of(shares.values())


def _is_kubectls(owner: Owner) -> bool:
    is_apply = (owner.manager, owner.operation) in ((lastapplied.KUBECTL, "Apply"), (CLIENT_SIDE, "Update"))
    return is_apply and not owner.subresource


def is_as_found(obj: Obj, loan: Loan) -> bool:
    """Whether the field has the value again that it had when it was taken."""
    return fingerprint(fieldset.value_at(obj, loan.path)) == loan.was


def given_back(live: Obj, loans: Iterable[Loan]) -> list[Obj] | None:
    """The managedFields in which all that is as it was found is theirs again; None where it is already. Others' entries, and what
    rollway holds besides, stay as they are; and so does a field that it does not hold any more, as of an object that somebody has
    made anew."""
    shares = ssa.shares_of(live)
    before = dict(shares)
    for loan in loans:
        if not is_as_found(live, loan) or not _is_ours(before, loan):
            continue
        for key, share in list(shares.items()):
            if share.owner.manager == FIELD_MANAGER and not (loan.is_shared and is_our_apply(share.owner)):
                shares[key] = share._replace(fields=share.fields - {loan.path})
        owner = Owner(loan.manager, loan.operation, loan.api_version, "")
        share = shares.get(owner.key, Share(owner, NOTHING, ""))
        shares[owner.key] = share._replace(fields=share.fields | {loan.path})
    return ssa.entries_of(shares.values()) if shares != before else None


def _is_ours(shares: ssa.Shares, loan: Loan) -> bool:
    return any(share.owner.manager == FIELD_MANAGER and loan.path in share.fields for share in shares.values())


def fingerprint(value: Any) -> str:
    """Of a field's value, which may be long, and nobody's business."""
    return "" if value is ABSENT else digest(value)


def _applied(obj: Obj) -> FieldSet:
    """What rollway's own apply holds."""
    shares = ssa.shares_of(obj).values()
    return frozenset().union(*(share.fields for share in shares if is_our_apply(share.owner)))


def _is_others(owner: Owner) -> bool:
    return owner.manager not in (FIELD_MANAGER, *CONTROLLERS) and not owner.subresource
