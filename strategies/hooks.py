"""The hooks of a release as steps of its plan: what `before` needs, what has run already, what a rollback leaves as it is. Pure.

One place for all strategies: they go `_begin`, their own way, and the end; hooks stand between these.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

from ..errors import Refused
from ..kube.objects import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    JOB,
    PERSISTENT_VOLUME_CLAIM,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
    Obj,
    digest,
    get,
    is_a,
    kind_of,
)
from ..kube.order import in_order
from ..plan.observed import APP_LABEL
from ..plan.revision import HookRun, Revision
from ..plan.steps import Moment, Run
from ..release.config import uses
from ..release.hooks import Hook
from ..release.model import Release
from .draft import Draft

HOOK_LABEL = "rollway.dev/hook"
AGAIN = "--rerun-hooks"


def hooks_of(revision: Revision, moment: Moment) -> list[Hook]:
    """Those that it was released with, whatever the release file says by now."""
    found = (Hook.from_record(record) for record in revision.release.get("hooks", ()))
    return [hook for hook in found if hook.when == moment]


def taken_over(new: Revision, history: Sequence[Revision], *, reruns: bool) -> Revision:
    """A new revision with what has run for it already: the very same release was tried before, and nothing has been released
    since. Where that was taken back by a hook of its own, all is to be run anew."""
    last = history[-1] if history else None
    if reruns or last is None or last.digest != new.digest or any(run.moment == "beforeRollback" for run in last.hooks):
        return new
    marks = {hook.name: hook.mark for hook in hooks_of(new, "before")}
    known = (last.run_of("before", name) for name in marks)
    return new.model_copy(update={"hooks": tuple(run for run in known if run and marks[run.name] == run.mark)})


def before(draft: Draft, number: int, *, reruns: bool) -> None:
    """What runs before any pod of a revision, and what that needs; of what else is live nothing is touched.

    Raises Refused where it has failed before: it is not run again but by somebody's word.
    """
    revision = _revision(draft, number)
    if revision.phase == "Promoted":
        return  # it is live: at most something of it has to be put right
    for hook in hooks_of(revision, "before"):
        known = revision.run_of("before", hook.name)
        if known and known.phase == "Failed" and not reruns:
            raise _failed(revision, known)
        if known and known.phase == "Complete":
            if any(new.number == number for new in draft.new_revisions):
                _note(draft, f"before {hook.name} of {revision.version} has run, and is not run again ({AGAIN} does)")
            continue
        for obj in _needed(Release.from_record(revision.release), hook, is_first=draft.observed.live is None):
            draft.apply(obj, f"before {hook.name} needs it")
        _run(draft, number, hook, f"{revision.version} is run once, before any pod of it")


def after(draft: Draft, number: int, *, reruns: bool = False) -> None:
    """What runs when all requests go to a revision, and nothing is left of the one before."""
    revision = _revision(draft, number)
    if not reruns:
        tell_failed(draft, revision)
    for hook in hooks_of(revision, "after"):
        known = revision.run_of("after", hook.name)
        if known is None or known.phase == "Running" or (known.phase == "Failed" and reruns):
            _run(draft, number, hook, f"once: all requests go to {revision.version}")


def tell_failed(draft: Draft, revision: Revision) -> None:
    """What came after a version that is live and failed: nothing of it is run again by itself."""
    for hook in hooks_of(revision, "after"):
        known = revision.run_of("after", hook.name)
        if known and known.phase == "Failed":
            _note(draft, f"after {hook.name} of {revision.version} failed: {known.message}; `deploy apply {AGAIN}` runs it again")


def before_rollback(draft: Draft, abandoned: Sequence[Revision]) -> None:
    """What runs before revisions are taken back, the newest first; and what stays as they have left it."""
    for revision in reversed(abandoned):
        begun = [run for run in revision.hooks if run.moment == "before"]
        if begun:
            _note(draft, f"nothing of `before` is undone: {stays(revision)}")
        for each in (run for run in begun if run.phase == "Running"):
            _note(draft, f"before {each.name} has not ended: Job {each.job} is left to run")
        runs = [revision.run_of("before", hook.name) for hook in hooks_of(revision, "before")]
        if any(run is None or run.phase != "Complete" for run in runs):
            continue  # no pod of it was ever started: there is nothing to prepare
        for hook in hooks_of(revision, "beforeRollback"):
            known = revision.run_of("beforeRollback", hook.name)
            if known is None or known.phase == "Running":
                _run(draft, revision.number, hook, f"before {revision.version} is taken back; whatever comes of it, that goes on")


def stays(revision: Revision) -> str:
    return f"the schema stays as {revision.version} left it"


def has_run(revision: Revision | None) -> bool:
    """Whether something of `before` was begun for it."""
    return revision is not None and any(run.moment == "before" for run in revision.hooks)


def _run(draft: Draft, number: int, hook: Hook, why: str) -> None:
    revision = _revision(draft, number)
    known = revision.run_of(hook.when, hook.name)
    name = known.job if known and known.phase == "Running" else _job_name(revision, hook)
    manifest = _job(hook, draft.app, draft.namespace, {"name": name})
    draft.steps.append(
        Run(
            manifest=manifest, number=number, moment=hook.when, hook=hook.name, mark=hook.mark, deadline_s=hook.timeout,
            goes_on=hook.when == "beforeRollback", why=why,
        )
    )  # fmt: skip
    done = HookRun(moment=hook.when, name=hook.name, mark=hook.mark, job=name, phase="Complete")
    draft.history = [each.with_run(done) if each.number == number else each for each in draft.history]


def rendered(release: Release, hook: Hook) -> Obj:
    """Its Job, but for what a revision adds to the name."""
    return _job(hook, release.app, release.namespace, {"generateName": _stem(release.app, hook)})


def _job(hook: Hook, app: str, namespace: str, named: Obj) -> Obj:
    job = copy.deepcopy(hook.job)
    meta = job.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), APP_LABEL: app, HOOK_LABEL: hook.name}
    job["metadata"] = {**meta, **named, "namespace": namespace, "labels": labels}
    return {"apiVersion": JOB.api_version, "kind": JOB.name, **job}


def _job_name(revision: Revision, hook: Hook) -> str:
    """The same for as long as it is the same run, so that whoever takes it up again finds the Job that runs already. A label has
    63 characters at most, and the pods' names add six."""
    times = sum((run.moment, run.name) == (hook.when, hook.name) for run in revision.hooks)
    mark = digest([hook.when, hook.name, hook.mark, revision.number, revision.digest, times])[:8]
    return f"{_stem(revision.app, hook)}{revision.number}-{mark}"


def _stem(app: str, hook: Hook) -> str:
    return f"{app[:20]}-{hook.name[:20]}-v"


def _revision(draft: Draft, number: int) -> Revision:
    return next(revision for revision in draft.history if revision.number == number)


def _note(draft: Draft, text: str) -> None:
    if text not in draft.notes:
        draft.notes.append(text)


def _failed(revision: Revision, run: HookRun) -> Refused:
    when = f", {run.ended[:19].replace('T', ' ')} UTC" if run.ended else ""
    return Refused(
        f"before {run.name} of {revision.version} failed{when}: {run.message}",
        detail=f"its Job is {run.job}: `kubectl logs job/{run.job}` reads what it said; nothing of it is run again by itself",
        hint=f"mend what it stumbled over, then `deploy apply {AGAIN}`; or release another version",
    )


def _needed(release: Release, hook: Hook, *, is_first: bool) -> Iterator[Obj]:
    """What of the release's other objects the hook's pod cannot start without. Before the first version nothing is live that
    could be touched: what makes objects of its own, as a custom resource may make a Secret, goes along then."""
    pod: Obj = get(hook.job, "spec", "template", "spec", default={})
    account = pod.get("serviceAccountName") or pod.get("serviceAccount") or "default"
    named = {(use.kind, use.name) for use in uses(pod)}
    named |= {(SECRET, each.get("name", "")) for each in pod.get("imagePullSecrets") or ()}
    claims = (get(each, "persistentVolumeClaim", "claimName") for each in pod.get("volumes") or ())
    named |= {(PERSISTENT_VOLUME_CLAIM, claim) for claim in claims if claim}
    bindings, kinds = (ROLE_BINDING, CLUSTER_ROLE_BINDING), (ROLE, CLUSTER_ROLE)
    bound = [obj for obj in release.others if any(is_a(obj, kind) for kind in bindings) and _binds(obj, account)]
    roles = {get(obj, "roleRef", "name") for obj in bound}

    def is_needed(obj: Obj) -> bool:
        name = obj["metadata"]["name"]
        if any(is_a(obj, kind) and (kind, name) in named for kind in (CONFIG_MAP, SECRET, PERSISTENT_VOLUME_CLAIM)):
            return True
        if is_a(obj, SERVICE_ACCOUNT):
            return bool(name == account)
        is_grant = obj in bound or (name in roles and any(is_a(obj, kind) for kind in kinds))
        return is_grant or (is_first and kind_of(obj["apiVersion"], obj["kind"]) is None)

    return iter(in_order([obj for obj in release.others if is_needed(obj)]))


def _binds(binding: Obj, account: str) -> bool:
    subjects = binding.get("subjects") or ()
    return any(each.get("kind") == "ServiceAccount" and each.get("name") == account for each in subjects)
