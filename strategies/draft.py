"""A plan in the making: it carries the state of the cluster forward, step by step, as the cluster itself would.

So a later piece of a plan sees what an earlier one will have done; a step that would change nothing is not written down, which is
why running a command again simply finishes it; and the pods at the peak are those that the steps really lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..health.deployment import paused_by, told_pauser
from ..health.routes import is_seen, taken_up
from ..health.workloads import WORKLOADS, progress
from ..kube.conversion import converted
from ..kube.defaults import declared
from ..kube.objects import (
    DEPLOYMENT,
    SERVICE,
    Kind,
    Obj,
    Ref,
    get,
    known_as,
    labels_of,
    merged,
    ref_of,
)
from ..kube.workload import Counts, is_workload, pods_of, replaces_in_order, workload_of
from ..plan import foreseen
from ..plan.diff import changes
from ..plan.observed import APP_LABEL, Observed
from ..plan.revision import Revision
from ..plan.steps import (
    Apply,
    Delete,
    Hold,
    Label,
    Patch,
    Pause,
    Phase,
    Record,
    Renew,
    Renewed,
    Route,
    Scale,
    Step,
    Until,
    Wait,
)
from ..routing import fit
from . import hotfix, lifelong, refusals
from .census import Census, newer
from .hotfix import Applied, Others
from .loans import Loans
from .manifests import account_stated, namesakes_apart

MADE_ANEW = "it has no pods, and is made anew: its selector becomes another one"
ROUTE_DEADLINE_S = 60
"""How long whatever serves a route may take to take it up."""


class Draft:
    """`force` takes fields over from managers that the plan would otherwise be refused for. `is_under_way`: pods of two versions
    run already, and it is to end that, come what may."""

    def __init__(self, observed: Observed, app: str, namespace: str, *, deadline_s: int, force: bool = False) -> None:
        self.observed = observed
        self.app = app
        self.namespace = namespace
        self.kind = observed.kind
        self.deadline_s = deadline_s
        self.force = force
        self.is_under_way = False
        self.is_back = False
        self.steps: list[Step] = []
        self.objects: dict[Ref, Obj | None] = {}
        for ref, obj in observed.objects.items():
            self.objects[known_as(ref)] = obj or self.objects.get(known_as(ref))
        self.history: list[Revision] = list(observed.history)
        self.new_revisions: list[Revision] = []
        self.notes: list[str] = []
        self.loans = Loans(observed.objects)
        self.census = Census(self.objects)
        entries = observed.live.entries if observed.live else ()
        self._others = Others(entries[-1].at if entries else "", is_under_way=observed.in_flight is not None)

    # what is there by now

    def find(self, kind: Kind, name: str) -> Obj | None:
        return self.objects.get(Ref(kind.api_version, kind.name, self.namespace, name))

    def find_like(self, manifest: Mapping[str, Any]) -> Obj | None:
        """The live object, in the version of the manifest."""
        live = self.objects.get(known_as(ref_of(manifest)))
        return converted(live, manifest["apiVersion"]) if live is not None else None

    def workload(self, name: str) -> Obj | None:
        """The one of the application's kind that is called so."""
        return self.find(self.kind, name)

    def replicas(self, name: str) -> int:
        """The pods that it wants; 0 where it is not there."""
        return pods_of(self.workload(name))

    def ready(self, name: str) -> int:
        """The pods that it wants and has ready."""
        live = self.workload(name)
        return 0 if live is None else min(pods_of(live), workload_of(live).counts(live).ready)

    def _ref(self, name: str) -> Ref:
        return Ref(self.kind.api_version, self.kind.name, self.namespace, name)

    def project(self) -> Observed:
        """What will be live when the steps so far are done."""
        return replace(self.observed, objects=dict(self.objects), history=tuple(self.history))

    # steps

    def apply(self, manifest: Obj, why: str, *, is_made: bool = False) -> bool:
        """Adds the step if it changes anything; answers whether it does.

        `is_made` is for what we make beside the user's own objects: it must be ours where it is there already. Raises BadInput
        where it is not, or where a Deployment's selector would change, which the API server refuses.
        """
        if ref_of(manifest) in self.observed.unread:
            self.notes.append(f"{ref_of(manifest)} may not be read by this account, and is left as it is")
            return False
        live = self.find_like(manifest)
        if is_made:
            refusals.refuse_theirs(self.observed, self.app, live, manifest)
        if live is not None and self.has_other_selector(manifest):
            self.refuse_other_selector(manifest)
            self.prune(ref_of(live), MADE_ANEW)
            live = None
        manifest = self._stated(live, manifest)
        applied = self._applied(live, manifest)
        after = declared(applied.after)
        found = changes(live, after)
        if live is not None and not found:
            return False
        told = [*self._others.undone(live, applied.takes_over)]
        if is_workload(manifest):
            self.census.applied(live, after)
            after = newer(after, live)
            told += self._others.kept(after, manifest)
        self._write(live, after)
        self.notes += [note for note in told if note not in self.notes]
        taken, drops = applied.takes_over, applied.drops
        self.steps.append(Apply(manifest=manifest, creates=live is None, changes=found, takes_over=taken, drops=drops, why=why))
        return True

    def applied(self, manifest: Obj) -> Obj:
        """The object as an apply would leave it, which keeps what others have set."""
        return self._applied(live := self.find_like(manifest), self._stated(live, manifest)).after

    def tell_taken(self, manifest: Obj) -> None:
        """Notes what is undone of others where a patch makes an object what the manifest says. Raises FieldsOwned, as apply."""
        live = self.find_like(manifest)
        undone = self._others.undone(live, self._applied(live, manifest).takes_over)
        ousted = self._others.ousted(live, manifest, force=self.force)
        self.notes += [note for note in (*undone, *ousted) if note not in self.notes]

    def has_other_selector(self, manifest: Obj) -> bool:
        """Whether the live Deployment selects its pods otherwise than the manifest does."""
        return lifelong.has_other_selector(self.find_like(manifest), manifest)

    def refuse_other_selector(self, manifest: Obj) -> None:
        """Raises BadInput where the manifest would change what the live workload keeps for its whole life, and that has pods."""
        live = self.find_like(manifest)
        if live is not None and workload_of(manifest).is_set:
            lifelong.refuse_fixed(live, declared(self.applied(manifest)))
        has_pods = self.replicas(manifest["metadata"]["name"]) or self.census.of(ref_of(manifest))
        if live is not None and has_pods and self.has_other_selector(manifest):
            lifelong.refuse_other_selector(live, manifest)

    def patch(self, kind: Kind, name: str, patch: Obj, why: str) -> None:
        """Merge-patches a live object, if that changes anything."""
        live = self.find(kind, name)
        if live is None:
            return
        after = merged(live, patch)
        if found := changes(live, after):
            self.steps.append(Patch(ref=ref_of(live), patch=patch, changes=found, why=why))
            self._write(live, newer(after, live) if is_workload(live) else after)

    def label(self, name: str, labels: dict[str, str], why: str) -> None:
        """Labels the pods of a Deployment as they run, and its template."""
        live = self.workload(name)
        if live is None:
            return
        pods = self.replicas(name)
        self.steps.append(Label(ref=ref_of(live), labels=labels, pods=pods, deadline_s=self.deadline_s, why=why))
        template = {"template": {"metadata": {"labels": labels}}, "paused": None}
        after = newer(merged(live, {"spec": template}), live)
        self._write(live, after)
        self._settle(after, "rolled-out", pods)

    def rolls(self, manifest: Obj) -> bool:
        """Whether applying this Deployment replaces running pods."""
        live = self.find_like(manifest)
        if live is None:
            return False
        was, after = ({"spec": get(each, "spec", "template")} for each in (live, self.applied(manifest)))
        return bool(changes(was, after))

    def scale(self, name: str, replicas: int, why: str, *, is_dark: bool = False) -> None:
        """`is_dark`: nobody is to be served meanwhile."""
        live = self.workload(name)
        if live is None or self.replicas(name) == replicas:
            return
        if not self.force and not self.observed.is_autoscaled(name):
            hotfix.refuse_scaling(live)
        if not replicas and not is_dark:
            refusals.refuse_emptying(filter(None, self.objects.values()), self.app, live)
        self.steps.append(Scale(ref=ref_of(live), replicas=replicas, was=self.replicas(name), is_dark=is_dark, why=why))
        self.census.set(ref_of(live), max(self.census.of(ref_of(live)), replicas))
        self._write(live, newer(merged(live, {"spec": {"replicas": replicas}}), live))

    def renew(self, ref: Ref, which: Renewed, pods: int, why: str) -> None:
        """Adds the step by which pods of a set go, so that it makes them anew."""
        self.steps.append(Renew(ref=ref, which=which, pods=pods, deadline_s=self.deadline_s, why=why))

    def unblock(self, live: Obj) -> None:
        """The same of the broken pods of an ordered set, which would hold up what it is to become: on a way back it is such a pod
        that is given up, and it may break at any moment."""
        is_there = self.observed.objects.get(ref_of(live)) is not None
        if is_there and replaces_in_order(live) and (self.is_back or workload_of(live).counts(live).ready < pods_of(live)):
            self.renew(ref_of(live), "stuck", 0, "an ordered set replaces nothing while a pod is broken, not even that one")

    def resume(self, name: str) -> None:
        """Lets a Deployment that somebody paused roll again: one that is not live, whoever paused it."""
        if by := paused_by(self.workload(name)):
            self.patch(DEPLOYMENT, name, {"spec": {"paused": None}}, f"{by} paused it, and it has to roll")

    def wait(self, name: str, until: Until, pods: int, why: str, *, ready_for_s: int = 0) -> None:
        """Adds the wait unless it is over already."""
        live = self.workload(name)
        is_autoscaled = self.observed.is_autoscaled(name)
        if progress(live, until, pods, is_autoscaled=is_autoscaled).is_done:
            return
        self.steps.append(
            Wait(
                ref=self._ref(name), until=until, pods=pods, is_autoscaled=is_autoscaled, ready_for_s=ready_for_s,
                deadline_s=self.deadline_s, why=why,
            )
        )  # fmt: skip
        if live is not None:
            self._settle(live, until, pods)

    def wait_for(self, ref: Ref, why: str, *, deadline_s: int) -> None:
        """Adds the wait for another workload of the release, for a Deployment unless it is over."""
        live = self.objects.get(known_as(ref))
        pods = int(get(live, "spec", "replicas", default=1))
        if live is not None and (ref.api_version.rpartition("/")[0], ref.kind) in WORKLOADS:
            self.steps.append(Wait(ref=ref, until="rolled-out", pods=pods, deadline_s=deadline_s, why=why))
            return
        if live is None or progress(live, "rolled-out", pods, is_autoscaled=True).is_done:
            return
        if by := paused_by(live):
            note = f"{ref} is paused {told_pauser(by)}, and not waited for"
            self.notes += [note] if note not in self.notes else []
            return
        self.steps.append(Wait(ref=ref, until="rolled-out", pods=pods, is_autoscaled=True, deadline_s=deadline_s, why=why))
        self._settle(live, "rolled-out", pods)

    def await_route(self, ref: Ref, why: str, *, is_changed: bool) -> None:
        """Adds the wait until what serves a route has taken it up, unless it has, as far as is known."""
        live = self.objects.get(known_as(ref))
        if live is None or (not is_changed and taken_up(live).is_done):
            return
        self.steps.append(Wait(ref=ref, until="rolled-out", pods=1, deadline_s=ROUTE_DEADLINE_S, why=why))

    def await_seen(self, ref: Ref, why: str) -> None:
        """Adds the same wait for what is not to be in force, but not as it was: over where the plan has left it as it is, and who
        serves it knows."""
        live, found = self.objects.get(known_as(ref)), self.observed.objects.get(ref)
        if live is not None and (found is None or get(found, "spec") != get(live, "spec") or not is_seen(found)):
            self.await_route(ref, why, is_changed=True)

    def route(
        self, name: str, wanted: Mapping[str, Any], min_ready: int, why: str, *, sides: tuple[str, str] | None = None
    ) -> None:
        """Lets the live Service `name` choose the pods that `wanted` does, on the ports that it does. `sides` are the Deployments
        that the requests go from and to, where it is a switch."""
        live = self.find(SERVICE, name)
        selector = dict(get(wanted, "spec", "selector", default={}))
        was = dict(get(live, "spec", "selector", default={}))
        if live is None or was == selector:
            return
        self.tell_taken(dict(wanted))
        ports = fit.as_written(live, dict(wanted))
        after = {**live, "spec": {**live["spec"], "selector": selector, "ports": ports}}
        moves = changes({"ports": get(live, "spec", "ports")}, {"ports": ports})
        former, side = (self._ref(each) for each in sides or ("", ""))
        self.steps.append(
            Route(
                ref=ref_of(live), selector=selector, was=was, ports=tuple(ports) if moves else None, changes=changes(live, after),
                min_ready=min_ready, why=f"{why}{fit.unanswered(live, wanted)}",
                former=former if sides else None, side=side if sides else None, former_pods=self.replicas(former.name),
                deadline_s=self.deadline_s,
            )
        )  # fmt: skip
        self._write(live, after)

    def delete(self, kind: Kind, name: str, why: str) -> None:
        live = self.find(kind, name)
        if live is None or labels_of(live).get(APP_LABEL) != self.app:
            return  # what does not carry the application's label is somebody else's
        self.prune(ref_of(live), why)
        if is_workload(live):
            self.census.set(ref_of(live), 0)

    def prune(self, ref: Ref, why: str) -> None:
        """Deletes an object of the user's own that is no longer theirs to have."""
        self.steps.append(Delete(ref=ref, why=why))
        self.objects[known_as(ref)] = None

    def hold(self, seconds: int, why: str) -> None:
        if seconds > 0:
            self.steps.append(Hold(seconds=seconds, why=why))

    def pause(self, seconds: int | None, why: str) -> None:
        self.steps.append(Pause(seconds=seconds, why=why))

    def record(
        self, number: int, phase: Phase, weight: int, message: str = "", *, to: int = 0, pause_s: int | None = None
    ) -> None:
        """Adds the step unless the history says so already; a pause that is edited is another one."""
        known = next((index for index, revision in enumerate(self.history) if revision.number == number), None)
        if known is None:
            raise ValueError(f"revision {number} is neither in the history nor new")
        if phase == "Paused":
            self._take_back_beginning(known, weight)
        revision = self.history[known]
        is_new = any(new.number == number for new in self.new_revisions)
        is_written = any(isinstance(step, Record) and step.number == number for step in self.steps)
        is_edited = phase == "Paused" and revision.phase == phase and revision.pause_s != pause_s
        if (revision.phase, revision.weight) == (phase, weight) and (is_written or not is_new) and not is_edited:
            return
        self.steps.append(Record(number=number, phase=phase, weight=weight, message=message, to=to, pause_s=pause_s))
        was_promoted = revision.was_promoted or phase == "Promoted"
        update = {"phase": phase, "weight": weight, "message": message, "was_promoted": was_promoted, "pause_s": pause_s}
        self.history[known] = revision.model_copy(update=update)

    def give_back(self, revisions: Iterable[Revision]) -> None:
        """Adds the steps by which the fields that these have taken, and the plan itself, are their owners' again, as far as they
        are as they were found."""
        self.steps += self.loans.given_back(self.objects, revisions)

    def lend(self, number: int) -> None:
        """Notes at a revision what the plan takes, for whoever goes on with it."""
        self.history = [each.with_loans(self.loans.taken) if each.number == number else each for each in self.history]

    def begin(self, revision: Revision) -> None:
        """Makes a new revision known, and writes it down."""
        self.new_revisions.append(revision)
        self.history.append(revision)
        self.record(revision.number, revision.phase, revision.weight, revision.message)

    # inside

    def _take_back_beginning(self, index: int, weight: int) -> None:
        """Where a revision stood in this pause and nothing has been done since it was to go on, it has never left it."""
        was = next((each for each in self.observed.history if each.number == self.history[index].number), None)
        if was and (was.phase, was.weight) == ("Paused", weight) and self.steps and isinstance(self.steps[-1], Record):
            self.steps.pop()
            self.history[index] = was

    def _write(self, live: Obj | None, after: Obj) -> None:
        """The object as a step leaves it."""
        if live is not None:
            self.loans.note(live, after)
        self.objects[known_as(ref_of(after))] = after

    def _stated(self, live: Obj | None, manifest: Obj) -> Obj:
        """The manifest with what has to be said over what is live. Raises FieldsOwned."""
        if live is None or not is_workload(manifest):
            return manifest
        after = self._applied(live, manifest).after
        return account_stated(after, namesakes_apart(declared(after), manifest))

    def _applied(self, live: Obj | None, manifest: Obj) -> Applied:
        """The object after the apply, and whose fields are taken over for it. Raises FieldsOwned."""
        if live is None:
            return Applied(foreseen.applied(None, manifest))
        return self._others.applied(live, manifest, force=self.force)

    def _settle(self, live: Obj, until: Until, pods: int) -> None:
        """Writes the status that the wait has waited for."""
        known, wanted = workload_of(live), pods_of(live)
        total = pods if until != "held" else wanted + int(get(live, "spec", "strategy", "rollingUpdate", "maxSurge", default=0))
        status = known.status(Counts(total, pods, total, total, False), get(live, "metadata", "generation", default=1), wanted)
        self.objects[ref_of(live)] = {**live, "status": status}
        self.census.set(ref_of(live), total)
