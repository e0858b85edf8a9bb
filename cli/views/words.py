"""Steps and plans in words. Pure: data in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple, assert_never

from ...health.routes import is_route
from ...kube import fieldset
from ...kube.objects import DAEMON_SET, JOB, SERVICE, Obj, annotations_of, get, is_a
from ...kube.workload import is_workload, names_workload
from ...plan.diff import inside
from ...plan.observed import VERSION_ANNOTATION
from ...plan.plan import Plan
from ...plan.revision import Revision
from ...plan.steps import Apply, Change, Delete, GiveBack, Hold, Label, Patch, Pause, Record, Renew, Route, Run, Scale, Step, Wait
from ...strategies.stands import at


class Row(NamedTuple):
    """A step as a line of a plan. `name` is the object's alone, without its kind."""

    glyph: str
    object: str
    what: str
    why: str
    name: str


def row(step: Step) -> Row:
    match step:
        case Apply():
            return Row("+" if step.creates else "~", str(step.ref), _applied(step), _why(step), step.ref.name)
        case Patch():
            return Row("~", str(step.ref), _patched(step), step.why, step.ref.name)
        case Label():
            return Row("~", str(step.ref), f"{pods(step.pods)} labelled as they run", step.why, step.ref.name)
        case Scale():
            return Row("~", str(step.ref), f"{step.was} → {pods(step.replicas)}", step.why, step.ref.name)
        case Renew():
            return Row("−", str(step.ref), _renewed(step), step.why, step.ref.name)
        case Route():
            return Row("⇄", str(step.ref), _routed(step), step.why, step.ref.name)
        case Wait():
            name = str(step.ref) if is_route(step.ref) else step.ref.name
            return Row("…", name, _awaited(step), step.why, step.ref.name)
        case Run():
            return Row("▸", f"{step.moment} {step.hook}", f"a Job, {duration(step.deadline_s)} at most", step.why, step.hook)
        case GiveBack():
            return Row("~", str(step.ref), _given_back(step), step.why, step.ref.name)
        case Delete():
            return Row("−", str(step.ref), "removed", step.why, step.ref.name)
        case Hold():
            return Row("…", "hold", duration(step.seconds), step.why, "hold")
        case Pause():
            return Row("∥", "pause", _paused(step), "", "pause")
        case Record():
            return Row("·", f"revision {step.number}", _recorded(step), step.why, f"revision {step.number}")
        case _:
            assert_never(step)


def title(plan: Plan) -> str:
    """`shop 1.4.0 → 1.4.1 · canary to 50%`"""
    if plan.is_empty:
        return f"{plan.app} {plan.to_version} · {plan.strategy}"
    if plan.action == "rollback":
        return f"{plan.app} {plan.from_version} → {plan.to_version} · roll back"
    versions = f"{plan.from_version} → {plan.to_version}" if plan.from_version else plan.to_version
    # an apply that goes all the way is what one expects of it
    share = "" if plan.weight >= 100 and plan.action == "apply" else aim(plan)
    if plan.from_weight and plan.weight and plan.from_weight != plan.weight:
        share = f" {plan.from_weight}% → {plan.weight}%"
    return f"{plan.app} {versions} · {plan.strategy}{share}"


def aim(plan: Plan) -> str:
    """Where a plan goes, behind the strategy's name: ` to 50%`; what stands at no share of all requests has its own words."""
    if plan.weight == 0 and plan.strategy == "blue-green":
        return ", staged"
    if plan.weight == 0 and plan.router:
        return f" for {_of_none(plan)}"
    return f" to {plan.weight}%"


def _of_none(plan: Plan) -> str:
    """What reaches the new version where no share of all requests does."""
    return f"copies of {plan.split.copied}% of requests" if plan.split.copied else "the requests that match"


def reached(plan: Plan) -> str:
    """The share that is really reached, beside the one that was asked for: pods do not come in percents."""
    if plan.strategy == "ab":
        return f"{plan.split.percent:g}% of requests, by weight; those that match besides"
    if plan.split.copied:
        return f"copies of {plan.split.copied}% of requests, answered to nobody: {pods(plan.split.canary)}"
    if plan.router:
        beside = f", beside {plan.split.stable}" if plan.split.stable else ""
        return f"{plan.split.percent:g}% of requests, by weight: {pods(plan.split.canary)}{beside}"
    total = plan.split.stable + plan.split.canary
    asked = "" if plan.split.percent == plan.weight else f" ({plan.weight}% was asked for)"
    return f"{plan.split.canary} of {pods(total)}: {plan.split.percent:g}% of requests{asked}"


def stop(plan: Plan, stands: Revision | None = None) -> str:
    """Where a paused release stands, as the revision `stands` that the plan made of it."""
    if plan.weight == 0 and plan.strategy == "blue-green":
        return f"staged beside {plan.from_version}" if plan.from_version else "staged"
    if plan.weight == 0 and plan.router:
        return f"paused{at(stands)}" if stands else f"paused with {_of_none(plan)}"
    total, given = plan.split.stable + plan.split.canary, plan.split.percent
    if plan.router or not total or given == plan.weight:
        return f"paused at {plan.weight}%"
    return f"paused at {plan.weight}%, by pods {given:g}% ({plan.split.canary} of {total})"


def waits(weight: int, seconds: float) -> str:
    """`20% for 1 min`, of a pause in a run; without a share where there is none of all requests."""
    return f"{f'{weight}%' if weight else 'a pause'} for {duration(seconds)}"


def back(plan: Plan) -> str:
    """The undo of a plan in a breath, and what is not undone by it; or why there is none."""
    return "; ".join(filter(None, (way_back(plan.undo, plan.from_version), plan.undo_note)))


def way_back(steps: Sequence[Step], version: str) -> str:
    """`shop to 4 pods, wait, delete shop-canary`: the undo in a breath. `version` is the one it leads to."""
    words: list[str] = []
    for step in steps:
        word = _back(step, version)
        if word and (not words or words[-1] != word):
            words.append(word)
    return ", ".join(words)


def duration(seconds: float) -> str:
    """`30 s`, `5 m`, `1 h 30 m`"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" * bool(hours), f"{minutes} m" * bool(minutes), f"{rest} s" * bool(rest)]
    return " ".join(part for part in parts if part) or "0 s"


def stopwatch(seconds: float) -> str:
    """`0:21`"""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"


def cut(text: str, room: int | None) -> str:
    """As much of it as fits into `room` columns; None: all."""
    return text if room is None or len(text) <= room else f"{text[: room - 1]}…"


def value(of: object) -> str:
    """A value of a diff on one line, cut where it is long."""
    text = " ".join(of.split()) if isinstance(of, str) else json.dumps(of, ensure_ascii=False)
    return text if len(text) <= 72 else f"{text[:69]}…"


def changed_rows(changes: Iterable[Change]) -> list[tuple[str, str, str]]:
    """(sign, path, text) of each change, without rollway's own bookkeeping."""
    out: list[tuple[str, str, str]] = []
    for change in (inner for whole in changes for inner in inside(whole)):
        if "rollway.dev/digest" in change.path:
            continue
        if change.before is None:
            out.append(("+", change.path, value(change.after)))
        elif change.after is None:
            out.append(("-", change.path, value(change.before)))
        else:
            out.append(("~", change.path, f"{value(change.before)} → {value(change.after)}"))
    return out


# one kind of step each


def _applied(step: Apply) -> str:
    manifest = step.manifest
    if is_workload(manifest):
        return _created(manifest) if step.creates else _changed(step)
    if step.creates:
        return _ports(manifest) if is_a(manifest, SERVICE) else "new"
    return _fields(step.changes)


def _created(deployment: Obj) -> str:
    version, replicas = version_of(deployment), get(deployment, "spec", "replicas")
    count = pods(int(replicas)) if replicas is not None else "pods"
    return f"{count} of {version}" if version else count


def _changed(step: Apply) -> str:
    """What changes of a Deployment, the important first."""
    said: list[str] = []
    by_path = {change.path: change for change in step.changes}
    before, after = _versions(step)
    if before != after and after:
        said.append(f"{before} → {after}" if before else after)
    elif any(path.startswith(".spec.template") for path in by_path):
        said.append("pods restart")
    count = by_path.get(".spec.replicas")
    if count and count.after is not None and count.before is not None:
        said.append(f"{count.before} → {pods(int(count.after))}")
    if partition := by_path.get(".spec.updateStrategy.rollingUpdate.partition"):
        said.append(f"partition {partition.after or 0}")
    if (paused := by_path.get(".spec.paused")) and (held := _held(paused)):
        said.append(held)
    return ", ".join(said) or _fields(step.changes)


def _patched(step: Patch) -> str:
    first, *others = step.changes
    held = _held(first) if first.path == ".spec.paused" and not others else ""
    return held or _fields(step.changes)


def _held(paused: Change) -> str:
    return "held on the way" if paused.after else "resumed" if paused.before else ""


def _versions(step: Apply) -> tuple[str, str]:
    for change in step.changes:
        if change.path.startswith(".metadata") and VERSION_ANNOTATION in change.path:
            return str(change.before or ""), str(change.after or "")
    for change in step.changes:
        if change.path.endswith(".image"):
            return tuple(str(side or "").rpartition(":")[2] for side in (change.before, change.after))  # type: ignore[return-value]
    return "", ""


def _fields(changes: Sequence[Change]) -> str:
    rows = changed_rows(changes)
    names = list(dict.fromkeys(_leaf(path) for _, path, _ in rows))
    if len(names) <= 2:
        return ", ".join(names) or "labels only"
    return f"{len(rows)} fields"


def _leaf(path: str) -> str:
    """`.spec.replicas` → replicas; `.spec.selector["rollway.dev/track"]` → rollway.dev/track"""
    return path.rpartition('["')[2].removesuffix('"]') if path.endswith('"]') else path.rpartition(".")[2]


def _ports(service: Obj) -> str:
    ports = [str(port.get("port")) for port in get(service, "spec", "ports", default=[])]
    return f"port {', '.join(ports)}" if ports else "new"


def _renewed(step: Renew) -> str:
    return "old pods that are not ready are deleted" if step.which == "stuck" else f"old pods deleted, until {step.pods} are new"


def _routed(step: Route) -> str:
    keys = [key for key in {**step.was, **step.selector} if step.was.get(key) != step.selector.get(key)]
    parts = [f"{key.rpartition('/')[2]} {step.was.get(key, 'any')} → {step.selector.get(key, 'any')}" for key in keys]
    return ", ".join([*parts, "its ports"] if step.ports is not None else parts)


def _awaited(step: Wait) -> str:
    if is_route(step.ref):
        return "until its Gateway has taken it up"
    match step.until:
        case "rolled-out" if step.ref.is_a(DAEMON_SET):
            return "until every node has one that is ready"
        case "rolled-out" if step.ref.is_a(JOB):
            return "until it is complete"
        case "rolled-out":
            return f"until {step.pods} of {step.pods} {'is' if step.pods == 1 else 'are'} ready"
        case "held":
            return f"until {step.pods} new, and all ready"
        case "drained":
            return "until no pod is left"


def _paused(step: Pause) -> str:
    return f"{duration(step.seconds)} with --auto, else {step.why}" if step.seconds is not None else step.why


def _recorded(step: Record) -> str:
    return f"{step.phase} at {step.weight}%" if step.weight and step.phase in ("Paused", "Progressing") else step.phase


def _given_back(step: GiveBack) -> str:
    """`.spec.rules to argocd-controller`"""
    fields = ", ".join(dict.fromkeys(fieldset.readable(loan.path) for loan in step.loans))
    return f"{fields} to {', '.join(dict.fromkeys(loan.manager for loan in step.loans))}"


def _why(step: Apply) -> str:
    takes = f"; takes fields over from {', '.join(step.former_owners)}" if step.takes_over else ""
    return f"{step.why}{takes}{'; takes away what only kubectl has applied' if step.drops else ''}"


def _back(step: Step, version: str) -> str:
    match step:
        case Scale():
            return f"{step.ref.name} to {pods(step.replicas)}"
        case Label():
            return f"{step.ref.name}'s label in place"
        case Renew():
            return "delete its broken pods" if step.which == "stuck" else "delete old pods"
        case Wait():
            return "wait"
        case Run():
            return f"run {step.moment} {step.hook}"
        case Delete():
            return f"delete {step.ref.name if names_workload(step.ref) else step.ref}"
        case Route():
            return f"switch {step.ref.name} back"
        case Apply() if is_workload(step.manifest):
            return f"{step.ref.name} {_deployment_back(step, version)}"
        case Apply() | Patch():
            return f"{step.ref} as before"
        case _:
            return ""


def _deployment_back(step: Apply, version: str) -> str:
    """To another number of pods, where the pods stay what they are; else to another version."""
    paths = {change.path for change in step.changes}
    replicas = get(step.manifest, "spec", "replicas")
    is_scaled = ".spec.replicas" in paths and not any(path.startswith(".spec.template") for path in paths)
    if is_scaled and replicas is not None and not step.creates:
        return f"to {pods(int(replicas))}"
    if not step.creates and not any(path.startswith(".spec.template") for path in paths):
        return "as before"
    return f"back to {version_of(step.manifest) or version}"


def version_of(deployment: Obj) -> str:
    """The version that a manifest of ours says it runs, else its image's tag."""
    noted = annotations_of(deployment).get(VERSION_ANNOTATION)
    if noted:
        return noted
    containers = get(deployment, "spec", "template", "spec", "containers", default=[])
    last = str(containers[0].get("image", "")).rpartition("/")[2] if containers else ""
    return last.rpartition(":")[2] if ":" in last else ""
