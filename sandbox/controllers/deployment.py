"""The Deployment controller: ReplicaSets of templates, rolled or recreated, paused, scaled and taken back.

What it decides stands in pure functions (`arithmetic`, `deployment_status`); this file finds the ReplicaSets, asks them, and
writes. One sync takes one step and writes at most what the real controller would write in one; the writes bring it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from operator import is_
from typing import NamedTuple

from ...kube.objects import DEPLOYMENT, POD, REPLICA_SET, Obj, annotations_of, controller_ref, get, labels_of, matches
from ..api.deletion import delete
from ..events import record
from ..store.store import Change, Store
from .arithmetic import Rollout, new_size, old_sizes, proportional_sizes, rollout_of
from .deployment_status import (
    NEVER,
    condition,
    count,
    counted_status,
    deadline_in_s,
    deadline_s,
    find,
    is_complete,
    rollout_status,
    with_condition,
)
from .engine import Queue
from .index import Index, controller_of, is_terminal
from .revisions import (
    DESIRED,
    MOST,
    REVISION,
    active,
    by_age,
    new_among,
    replicaset_of,
    revision_of,
    size_of,
    wanted,
    with_min_ready,
    with_revision,
)


class _Settled(NamedTuple):
    """A Deployment and its ReplicaSets as they stood when there was nothing left to do until that moment, if nothing happens."""

    deployment: Obj
    sets: Sequence[Obj]
    until: datetime | None

    def holds(self, deployment: Obj, sets: Sequence[Obj], now: datetime) -> bool:
        """Whether they are the very same still: what is stored is never changed in place."""
        is_same = deployment is self.deployment and len(sets) == len(self.sets) and all(map(is_, sets, self.sets))
        return is_same and (self.until is None or now < self.until)


class DeploymentController:
    name = "deployment"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime]) -> None:
        self._store, self._index, self._queue, self._now = store, index, queue, now
        self._settled: dict[tuple[str, str], _Settled] = {}

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == DEPLOYMENT:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == REPLICA_SET:
            self._add_owners(change)
        elif change.kind == POD and (change.type == "DELETED" or is_terminal(change.obj)):
            # Recreate waits for pods, and only their ReplicaSet knows whose they are.
            owner = controller_of(change.obj) or {}
            if found := self._store.find(REPLICA_SET, meta["namespace"], owner.get("name", "")):
                self._add_owner(found)

    def _add_owners(self, change: Change) -> None:
        self._add_owner(change.obj)
        if change.before is not None:
            self._add_owner(change.before)
        if controller_of(change.obj) is None:
            for deployment in self._store.list(DEPLOYMENT, change.obj["metadata"]["namespace"]):
                self._queue.add(self.name, deployment["metadata"]["namespace"], deployment["metadata"]["name"])

    def _add_owner(self, replicaset: Obj) -> None:
        owner = controller_of(replicaset) or {}
        if owner.get("kind") == DEPLOYMENT.name:
            self._queue.add(self.name, replicaset["metadata"]["namespace"], owner["name"])

    def sync(self, namespace: str, name: str) -> None:
        deployment = self._store.find(DEPLOYMENT, namespace, name)
        if deployment is None:
            self._queue.forget(self.name, namespace, name)
            self._settled.pop((namespace, name), None)
            return
        if self._is_settled(deployment):
            return  # mostly its own status, written a moment ago, has brought it back
        if not get(deployment, "spec", "selector", default={}):
            return
        sets = self._sets_of(deployment)
        if "deletionTimestamp" in deployment["metadata"]:
            self._write(deployment, counted_status(deployment, sets, new_among(deployment, sets), self._now()))
            return
        deployment = self._note_pause(deployment)
        deployment, new, old = self._split(deployment, create=False)
        if get(deployment, "spec", "paused", default=False) or self._was_scaled(deployment, new, old):
            self._scale(deployment, new, old)
            if get(deployment, "spec", "paused", default=False):
                self._clean_up(deployment, old)
            deployment, new, old = self._reread(deployment, new)
            self._write(deployment, counted_status(deployment, _all(old, new), new, self._now()))
        elif rollout_of(deployment).is_rolling:
            self._roll(deployment, new, old)
        else:
            self._recreate(deployment, new, old)

    def _is_settled(self, deployment: Obj) -> bool:
        meta = deployment["metadata"]
        known = self._settled.get((meta["namespace"], meta["name"]))
        if known is None or self._index.orphans(REPLICA_SET, meta["namespace"]):
            return False
        return known.holds(deployment, self._index.replicasets_of(meta["uid"]), self._now())

    # finding

    def _sets_of(self, deployment: Obj) -> list[Obj]:
        """Its ReplicaSets, oldest first, with those that it adopts: same labels, nobody's."""
        meta = deployment["metadata"]
        if "deletionTimestamp" not in meta:
            for orphan in self._index.orphans(REPLICA_SET, meta["namespace"]):
                unowned = "deletionTimestamp" not in orphan["metadata"]
                if unowned and matches(deployment["spec"]["selector"], labels_of(orphan)):
                    owners = [*get(orphan, "metadata", "ownerReferences", default=[]), controller_ref(DEPLOYMENT, deployment)]
                    adopted = orphan | {"metadata": orphan["metadata"] | {"ownerReferences": owners}}
                    self._store.update(REPLICA_SET, adopted)
        return by_age(self._index.replicasets_of(meta["uid"]))

    def _split(self, deployment: Obj, *, create: bool) -> tuple[Obj, Obj | None, list[Obj]]:
        """The Deployment, its new ReplicaSet (made where `create` says so) and the old ones, revisions noted."""
        sets = self._sets_of(deployment)
        new = new_among(deployment, sets)
        old = [each for each in sets if each is not new]
        revision = max((revision_of(each) for each in old), default=0) + 1
        if new is not None:
            deployment, new = self._note_revision(deployment, new, revision)
        elif create:
            deployment, new = self._create(deployment, old, revision)
        return deployment, new, old

    def _reread(self, deployment: Obj, new: Obj | None) -> tuple[Obj, Obj | None, list[Obj]]:
        """After writes: the same ReplicaSets as they are stored now."""
        sets = self._sets_of(deployment)
        uid = new["metadata"]["uid"] if new else ""
        found = next((each for each in sets if each["metadata"]["uid"] == uid), None)
        return deployment, found, [each for each in sets if each is not found]

    def _was_scaled(self, deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> bool:
        replicas = str(rollout_of(deployment).replicas)
        return any(annotations_of(each).get(DESIRED, replicas) != replicas for each in active(_all(old, new)))

    # noting

    def _note_pause(self, deployment: Obj) -> Obj:
        """A pause stops the deadline's clock, a resumption starts it anew: both are written as progress."""
        conditions = get(deployment, "status", "conditions", default=[])
        current = find(conditions, "Progressing")
        if deadline_s(deployment) is None or (current and current["reason"] == "ProgressDeadlineExceeded"):
            return deployment
        is_noted = current is not None and current["reason"] == "DeploymentPaused"
        is_paused = get(deployment, "spec", "paused", default=False)
        if is_paused == is_noted:
            return deployment
        reason, word = ("DeploymentPaused", "paused") if is_paused else ("DeploymentResumed", "resumed")
        noted = condition("Progressing", "Unknown", reason, f"Deployment is {word}", self._now())
        return self._with_conditions(deployment, with_condition(conditions, noted))

    def _note_revision(self, deployment: Obj, new: Obj, revision: int) -> tuple[Obj, Obj]:
        noted = with_revision(deployment, new, revision)
        noted = noted | {"spec": with_min_ready(noted["spec"], deployment)}
        if noted != new:
            return deployment, self._update_set(new, noted)
        deployment = self._set_revision(deployment, annotations_of(new)[REVISION])
        conditions = get(deployment, "status", "conditions", default=[])
        if deadline_s(deployment) is not None and find(conditions, "Progressing") is None:
            message = f'Found new replica set "{new["metadata"]["name"]}"'
            found = condition("Progressing", "True", "FoundNewReplicaSet", message, self._now())
            deployment = self._with_conditions(deployment, with_condition(conditions, found))
        return deployment, new

    def _set_revision(self, deployment: Obj, revision: str) -> Obj:
        annotations = annotations_of(deployment)
        if annotations.get(REVISION) == revision:
            return deployment
        meta = deployment["metadata"] | {"annotations": annotations | {REVISION: revision}}
        return self._store.update(DEPLOYMENT, deployment | {"metadata": meta})

    def _with_conditions(self, deployment: Obj, conditions: list[Obj]) -> Obj:
        status = get(deployment, "status", default={}) | {"conditions": conditions}
        return self._store.update(DEPLOYMENT, deployment | {"status": status})

    def _write(self, deployment: Obj, status: Obj) -> Obj:
        if status == deployment.get("status"):
            return deployment
        return self._store.update(DEPLOYMENT, deployment | {"status": status})

    def _update_set(self, before: Obj, after: Obj) -> Obj:
        if before["spec"] != after["spec"]:
            generation = before["metadata"].get("generation", 1) + 1
            after = after | {"metadata": after["metadata"] | {"generation": generation}}
        return self._store.update(REPLICA_SET, after)

    # creating and sizing

    def _create(self, deployment: Obj, old: Sequence[Obj], revision: int) -> tuple[Obj, Obj | None]:
        made = replicaset_of(deployment, old, revision, self._now())
        name = made["metadata"]["name"]
        if self._store.find(REPLICA_SET, made["metadata"]["namespace"], name):
            # Somebody else's, or another template of the same hash: count the collision and hash again.
            collisions = get(deployment, "status", "collisionCount", default=0) + 1
            status = get(deployment, "status", default={}) | {"collisionCount": collisions}
            return self._store.update(DEPLOYMENT, deployment | {"status": status}), None
        new = self._store.create(REPLICA_SET, made)
        if size := wanted(new):
            self._tell(deployment, f"Scaled up replica set {name} from 0 to {size}")
        deployment = self._set_revision(deployment, str(revision))
        if deadline_s(deployment) is not None:
            conditions = get(deployment, "status", "conditions", default=[])
            message = f'Created new replica set "{name}"'
            created = condition("Progressing", "True", "NewReplicaSetCreated", message, self._now())
            deployment = self._with_conditions(deployment, with_condition(conditions, created))
        return deployment, new

    def _resize(self, deployment: Obj, replicaset: Obj, size: int) -> bool:
        """Whether the ReplicaSet wants another number of pods now. The annotations are written in any case."""
        rollout = rollout_of(deployment)
        annotations = annotations_of(replicaset) | {DESIRED: str(rollout.replicas), MOST: str(rollout.most)}
        before, name = wanted(replicaset), replicaset["metadata"]["name"]
        after = replicaset | {
            "metadata": replicaset["metadata"] | {"annotations": annotations},
            "spec": replicaset["spec"] | {"replicas": size},
        }
        if after != replicaset:
            self._update_set(replicaset, after)
        if size != before:
            direction = "up" if size > before else "down"
            self._tell(deployment, f"Scaled {direction} replica set {name} from {before} to {size}")
        return size != before

    def _tell(self, deployment: Obj, message: str) -> None:
        reason, component = "ScalingReplicaSet", "deployment-controller"
        record(self._store, DEPLOYMENT, deployment, reason=reason, message=message, now=self._now(), component=component)

    # strategies

    def _scale(self, deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> None:
        """The Deployment was scaled, or is paused and may have been: without going on with the rollout."""
        rollout, sets = rollout_of(deployment), active(_all(old, new))
        if len(sets) <= 1:
            only = sets[0] if sets else new or (old[-1] if old else None)
            if only is not None and wanted(only) != rollout.replicas:
                self._resize(deployment, only, rollout.replicas)
            return
        if new is not None and _is_saturated(rollout, new):
            for each in active(old):
                self._resize(deployment, each, 0)
            return
        if rollout.is_rolling:
            live = get(deployment, "status", "replicas", default=0)
            sizes = proportional_sizes(rollout, [size_of(each) for each in sets], live=live)
            for each, size in zip(sets, sizes, strict=True):
                self._resize(deployment, each, size)

    def _roll(self, deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> None:
        is_new = new is None
        if new is None:
            deployment, new, old = self._split(deployment, create=True)
        if new is None:
            return  # a hash collision was counted, which brings us back
        rollout = rollout_of(deployment)
        total = wanted(new) + sum(map(wanted, old)) + self._ending(deployment, [new, *old])
        target = new_size(rollout, wanted(new), total)
        moved = target != wanted(new) and self._resize(deployment, new, target)
        if not moved:
            shrinking = active(old)
            sizes = old_sizes(rollout, size_of(new), [size_of(each) for each in shrinking])
            for each, size in zip(shrinking, sizes, strict=True):
                moved |= size != wanted(each) and self._resize(deployment, each, size)
        self._finish(deployment, new, old, clean_up=not moved, has_written=is_new or moved)

    def _recreate(self, deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> None:
        shrinking = active(old)
        for each in shrinking:
            self._resize(deployment, each, 0)
        if shrinking or self._old_pods_live(old, get(deployment, "spec", "podReplacementPolicy")):
            self._finish(deployment, new, old, clean_up=False)
            return
        if new is None:
            deployment, new, old = self._split(deployment, create=True)
            if new is None:
                return
        replicas = rollout_of(deployment).replicas
        if wanted(new) != replicas:
            self._resize(deployment, new, replicas)
        self._finish(deployment, new, old, clean_up=True)

    def _old_pods_live(self, old: Sequence[Obj], policy: str | None) -> bool:
        """Terminating ones live still, unless their replacement may begin then; what has ended does not count, though its object
        may be there."""
        if count(old, "status", "replicas"):
            return True
        owned = [self._index.pods_of(each["metadata"]["uid"]) for each in old]
        waits = policy != "TerminationStarted"
        return any(each.active or (waits and each.terminating) for each in owned)

    def _ending(self, deployment: Obj, sets: Sequence[Obj]) -> int:
        """Pods that take a place until they have ended, though nobody wants them: where the policy says so (KEP-5882)."""
        if get(deployment, "spec", "podReplacementPolicy") != "TerminationComplete":
            return 0
        owned = [self._index.pods_of(each["metadata"]["uid"]) for each in sets]
        over = sum(max(each.active - wanted(set_), 0) for each, set_ in zip(owned, sets, strict=True))
        return over + sum(each.terminating for each in owned)

    def _finish(self, deployment: Obj, new: Obj | None, old: Sequence[Obj], *, clean_up: bool, has_written: bool = True) -> None:
        """`has_written`: ReplicaSets may be others by now than those that are given."""
        if clean_up and is_complete(deployment, get(deployment, "status", default={})):
            has_written |= self._clean_up(deployment, old)
        if has_written:
            deployment, new, old = self._reread(deployment, new)
        now, meta = self._now(), deployment["metadata"]
        status = rollout_status(deployment, _all(old, new), new, now)
        written, wait_s = self._write(deployment, status), deadline_in_s(deployment, status, now)
        self._settled.pop((meta["namespace"], meta["name"]), None)
        if not has_written:
            until = now + timedelta(seconds=wait_s) if wait_s is not None else None
            sets = self._index.replicasets_of(meta["uid"])
            self._settled[meta["namespace"], meta["name"]] = _Settled(written, sets, until)
        if wait_s is not None:
            self._queue.after(wait_s, self.name, meta["namespace"], meta["name"])
        else:
            self._queue.forget(self.name, meta["namespace"], meta["name"])

    def _clean_up(self, deployment: Obj, old: Sequence[Obj]) -> bool:
        """Deletes the oldest revisions above the limit, but none that still has or wants pods. Whether there are any above it."""
        limit = get(deployment, "spec", "revisionHistoryLimit")
        alive = [each for each in old if "deletionTimestamp" not in each["metadata"]]
        if limit is None or limit == NEVER or len(alive) <= limit:
            return False
        for each in sorted(alive, key=revision_of)[: len(alive) - limit]:
            meta = each["metadata"]
            is_behind = meta.get("generation", 0) > get(each, "status", "observedGeneration", default=0)
            if not wanted(each) and not get(each, "status", "replicas", default=0) and not is_behind:
                delete(self._store, REPLICA_SET, meta["namespace"], meta["name"], now=self._now())
        return True


def _all(old: Sequence[Obj], new: Obj | None) -> list[Obj]:
    return by_age([*old, new]) if new is not None else list(old)


def _is_saturated(rollout: Rollout, new: Obj) -> bool:
    is_known = annotations_of(new).get(DESIRED) == str(rollout.replicas)
    return is_known and wanted(new) == rollout.replicas == size_of(new).available
