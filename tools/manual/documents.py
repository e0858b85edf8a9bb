"""The page of the JSON documents: what `-o json` prints, verb by verb, as the verbs print it when they are asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .asked import Ask, Document, answering, asked, deploy
from .markdown import code, page, prose

EXAMPLES = Path(__file__).parents[2] / "examples"
OPEN = ("manifest", "manifests", "patch", "before", "after")
"""Whose keys are the manifests' own."""
MOST_SAMPLE = 44
UNSAID = ("by", "file", "host", "python")
"""What differs by the machine that the page is made on: no sample of these."""

SHAPES = {
    "a step": {"type", "why"},
    "a revision": {"number", "digest", "entries"},
    "a finding": {"id", "severity", "message"},
    "a failure": {"summary", "pods", "logs"},
    "an error": {"summary", "hint", "exit"},
    "a range": {"median", "low", "high"},
}
"""What several documents hold, by the keys that give it away: described once."""

TOLD = {
    "action": "the verb, or what it does",
    "app": "the application",
    "assumed": "what the figures presume",
    "error": "why the exit code is not 0",
    "failure": "what became unhealthy, with pods and their logs; null where nothing did",
    "findings": "what `deploy check` finds",
    "forecast": "what the rehearsal of this plan says: time, lost requests, pods",
    "fromVersion": "what is live before it",
    "gates": "each gate, with what it measured and its verdict",
    "gone": "Deployments of the history that the cluster has no more",
    "isEmpty": "nothing is left to do",
    "live": "the revision that serves",
    "lock": "who holds the lock; empty where nobody does",
    "notes": "what a reader should know of it, in sentences",
    "notify": "who is told, and of what",
    "objects": "what the manifests hold",
    "pauseLeft": "seconds",
    "peakPods": "pods at the most, the old ones included",
    "phase": "Progressing, Paused, Promoted, RolledBack or Failed; of a plan, how it would end",
    "probe": "requests sent and lost meanwhile, where there was a probe",
    "reason": "why it is recommended, in a sentence",
    "remarks": "what is odd about it, in sentences",
    "revision": "its number in the history; 0: none",
    "run": "who carries it out now",
    "seconds": "how long it took",
    "share": "the percentage asked for, and the one that pods or routes give",
    "sides": "each Deployment of the release",
    "split": "pods of each side, and the percentage that they come to",
    "stages": "the shares that a release rests at, and for how long",
    "steadyPods": "pods when it is over",
    "steps": "what is done, in its order",
    "strategies": "one entry a strategy",
    "toVersion": "what is released",
    "tree": "revisions, their Deployments and their pods",
    "undo": "the steps of the way back",
    "undoNote": "what the way back does not take back",
    "waitsFor": "what it waits for",
    "wayBack": "what was done about the failure",
    "weight": "the percentage of requests that reach the new version",
}
"""Of keys that do not tell it themselves; at the top of a document."""


@dataclass
class Field:
    """What was seen at a path: its kinds of values, and one of them."""

    kinds: dict[str, None] = field(default_factory=dict)
    sample: str = ""


Fields = dict[str, Field]


def documents_page() -> str:
    found: dict[str, Fields] = {}
    shapes: dict[str, Fields] = {name: {} for name in SHAPES}
    for title, document in documents():
        gather(document, "", found.setdefault(title, {}), shapes)
    parts = [part for title, fields in found.items() for part in (f"## {title}", _table(fields, is_top=True))]
    parts += ["## What they hold"]
    for name, fields in shapes.items():
        parts += [f"({_target(name)})=\n### {name.capitalize()}", _table(fields)]
    return page(
        "# JSON documents",
        "With `-o json` every verb prints one document to stdout, on failure too; what is said meanwhile is on stderr. Keys are"
        " camelCase; others may be added to these. Nothing that a Secret holds is in any of them. Of several release files it is"
        ' `{"releases": […]}`, with a document each. What stands behind *such as* is an example.',
        *parts,
    )


def _table(fields: Fields, *, is_top: bool = False) -> str:
    rows = ["| key | value | |", "|---|---|---|"]
    for path, one in fields.items():
        kinds = ", ".join(_linked(kind) for kind in one.kinds)
        told = prose(TOLD.get(path, "")) if is_top else ""
        sample = f"*such as* {code(one.sample.replace('|', chr(92) + '|'))}" if one.sample else ""
        rows.append(f"| {code(path)} | {kinds} | {'; '.join(filter(None, (told, sample)))} |")
    return "\n".join(rows)


def _linked(kind: str) -> str:
    return f"[{kind}](#{_target(kind)})" if kind in SHAPES else kind


def _target(shape: str) -> str:
    return f"document-{shape.split()[-1]}"


def gather(value: Any, path: str, found: Fields, shapes: Mapping[str, Fields]) -> None:
    """Puts what is at a path, and below it, into `found`; what has a name of its own into `shapes`."""
    kind = _kind(value)
    key = path.rpartition(".")[2]
    if path:
        _see(found.setdefault(path, Field()), kind, value, key)
    if key.removesuffix("[]") in OPEN:
        return
    if kind in shapes:
        found, path = shapes[kind], ""
    if isinstance(value, dict):
        for name, one in value.items():
            gather(one, f"{path}.{name}".lstrip("."), found, shapes)
    if isinstance(value, list):
        for one in value:
            gather(one, f"{path}[]", found, shapes)


def _see(one: Field, kind: str, value: Any, key: str) -> None:
    one.kinds[kind] = None
    if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "" and key not in UNSAID:
        text = " ".join(str(value).split())
        one.sample = text if len(text) <= MOST_SAMPLE else text[: MOST_SAMPLE - 1] + "…"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "number"
        case list():
            return "list"
    return next((name for name, keys in SHAPES.items() if keys <= set(value)), "mapping")


def documents() -> Iterator[tuple[str, Document]]:
    """(of which verbs, a document): one is told of by all that come under its title."""
    with deploy(EXAMPLES) as ask:
        yield from _of_a_release(ask)
    with answering() as url:
        yield "probe", asked(("probe", url, "--duration", "1s", "--rate", "20"))
    yield "version", asked(("version",))
    yield "On failure", asked(("apply", "--to", "150%"))


def _of_a_release(ask: Ask) -> Iterator[tuple[str, Document]]:
    """A release that is promoted and taken back, and one that fails."""
    shop = ("-f", "shop/deploy.yaml")
    run, standing = "apply, promote, rollback", "status, wait"
    yield "check", ask("check", "-f", "zero-downtime/one-replica/bare/deploy.yaml")
    yield "render", ask("render", *shop)
    yield "rbac", ask("rbac", *shop)
    yield run, ask("apply", *shop, "--image", ":1.0.0")
    yield "plan", ask("plan", *shop, "--image", ":2.0.0", "--to", "50%")
    yield run, ask("apply", *shop, "--image", ":2.0.0", "--to", "50%")
    yield standing, ask("status", *shop)
    yield "watch", ask("watch", *shop)
    yield standing, ask("wait", *shop, "--for", "paused")
    yield run, ask("promote", *shop, "--full")
    yield run, ask("rollback", *shop)
    yield run, ask("apply", *shop, "--image", ":3.0.0")
    yield "history", ask("history", *shop)
    yield "history --dora", ask("history", "--dora", "-n", "shop")
    yield "list", ask("list", "-A")
    yield "gates --power", ask("gates", "--power", "-f", "experiment/deploy.yaml")
    yield "notify", ask("notify", "-f", "notify/deploy.yaml")
    yield "compare", ask("compare", *shop, "--image", ":2.0.0", "--seeds", "2")
