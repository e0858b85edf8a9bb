"""What others have made of an object since rollway's last apply: by its managedFields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..kube import defaults, fieldset, ssa
from ..kube.objects import Obj, copied, get
from ..kube.workload import RESTARTED
from .diff import changes
from .marks import is_our_apply
from .observed import FIELD_MANAGER

CONTROLLERS = ("kube-controller-manager",)


BESIDE = ("f:apiVersion", "f:kind", "f:metadata", "f:status")
"""What an object is known by, and what becomes of it: not what it says."""


PODS = ("f:spec", "f:template")
RESTART = (*PODS, "f:metadata", "f:annotations", f"f:{RESTARTED}")
NOTHING: tuple[object, ...] = (fieldset.ABSENT, None, "", {}, [])


class Changed(NamedTuple):
    """What somebody else has written since rollway's last apply: `at` is empty where the API server notes no time."""

    by: str
    at: str
    fields: tuple[str, ...]

    def named(self, most: int) -> str:
        """So many of its fields, and a mark where there are more."""
        return ", ".join(self.fields[:most]) + (", …" if len(self.fields) > most else "")


MARKS = (("f:metadata", "f:labels"), ("f:metadata", "f:annotations"))


def changed_since(obj: Obj, released_at: str = "", released: Obj | None = None) -> tuple[Changed, ...]:
    """What others have written after rollway's last apply, but the status, and of labels and annotations what the `released`
    manifest does not say: many tools leave theirs. Controllers do what they are asked to. Who has taken every field that
    rollway held leaves no trace of it: then since `released_at`, where that is known."""
    shares = ssa.shares_of(obj).values()
    since = _applied_at(shares) or released_at
    if not since:
        return ()

    def counts(path: fieldset.Path) -> bool:
        if path[0] not in BESIDE:
            return True
        said = fieldset.value_at(released, path) if released and path[:2] in MARKS else None
        return said not in NOTHING and said != fieldset.value_at(obj, path)

    out: list[Changed] = []
    for share in _of_others(shares):
        # of the scale subresource the API server notes no time
        if share.time > since or (share.owner.subresource == "scale" and not share.time):
            out += _told(share, filter(counts, share.fields))
    return tuple(out)


def kept_of_others(obj: Obj, released: Obj) -> tuple[Changed, ...]:
    """What others had put into the pods' template before rollway's last apply, and the manifest that it released does not say."""
    since = _applied_at(ssa.shares_of(obj).values())
    return tuple(each for each in left_of_others(obj, released) if since and each.at <= since)


def left_of_others(obj: Obj, manifest: Obj) -> tuple[Changed, ...]:
    """What others have put into the pods' template, and the manifest does not say: an apply, a rollback's too, leaves what it has
    never held. Restarts are none of it."""
    shares = ssa.shares_of(obj).values()
    others = [*_of_others(shares)]
    if not others:
        return ()
    said = copied(manifest)
    defaults.fill(said)
    ours = frozenset().union(*(share.fields for share in shares if share.owner.manager == FIELD_MANAGER))
    known = ours | {path[:depth] for share in shares for path in share.fields for depth in range(len(path))}

    def is_kept(path: fieldset.Path) -> bool:
        live = fieldset.value_at(obj, path)
        is_theirs = path[: len(PODS)] == PODS and path != RESTART and path not in known
        return is_theirs and live not in NOTHING and live != fieldset.value_at(said, path)

    return tuple(each for share in others for each in _told(share, _whole(filter(is_kept, share.fields))))


def _whole(paths: Iterable[fieldset.Path]) -> list[fieldset.Path]:
    """Of an item of a list that is all theirs, as a variable is, the item alone: what it is known by is theirs, too."""
    found = [*paths]
    items = {path[:-1] for path in found if f'"{path[-1].removeprefix("f:")}":' in path[-2].removeprefix("k:")}
    kept = (next((path[:depth] for depth in range(len(path)) if path[:depth] in items), path) for path in found)
    return list(dict.fromkeys(kept))


def applied_at(obj: Obj) -> str:
    """When rollway applied it last; empty where it holds nothing of it."""
    return _applied_at(ssa.shares_of(obj).values())


def _applied_at(shares: Iterable[ssa.Share]) -> str:
    return max((share.time for share in shares if is_our_apply(share.owner)), default="")


def _of_others(shares: Iterable[ssa.Share]) -> Iterator[ssa.Share]:
    """What others hold. Controllers do what they are asked to."""
    for share in shares:
        if share.owner.manager not in (FIELD_MANAGER, *CONTROLLERS) and share.owner.subresource != "status":
            yield share


def _told(share: ssa.Share, paths: Iterable[fieldset.Path]) -> Iterator[Changed]:
    """The leaves alone."""
    fields = sorted(map(fieldset.readable, paths))
    leaves = [field for field in fields if not any(other.startswith((f"{field}.", f"{field}[")) for other in fields)]
    if leaves:
        yield Changed(share.owner.manager, share.time, tuple(leaves))


def says_the_same(live: Obj, other: Obj, field: str) -> bool:
    """Whether a field, as an apply names it, reads the same in both. Lists without keys are one value, which the API server has
    written its defaults into: who applies the very manifest that is live meets a conflict, and takes the field all the same. Of
    what is told by a key, whose names may have dots, nothing is known."""
    path = field.lstrip(".").split(".")
    was = get(live, *path)
    return was is not None and not changes({"value": was}, {"value": get(other, *path)})
