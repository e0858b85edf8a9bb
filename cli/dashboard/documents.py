"""What the page is sent: the documents of the verbs, with the words that the verbs have for them in a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...kube.clock import now, timestamp
from ...plan.plan import Plan
from ...plan.steps import Record
from ...ship.again import Seen
from ...ship.listing import Listed
from ...ship.sight import Sight
from ..views import words
from ..views.gates_text import told
from ..views.json import plan_document
from ..views.list_text import list_document, phase_words, versions
from ..views.sink import named
from ..views.watch_text import facts, watch_document


def listing(seen: Seen[list[Listed]]) -> dict[str, Any]:
    document = list_document(seen.value)
    for each, known in zip(document["releases"], seen.value, strict=True):
        each["said"] = {"versions": versions(known), "phase": phase_words(known) if known.last else "its history cannot be read"}
    return document | {"lost": seen.lost}


def sighted(sight: Sight) -> dict[str, Any]:
    said = facts(sight, now())
    gates = {each.gate: told(each) for each in sight.status.gates}
    whole = {name: said.get((name,), "") for name in ("phase", "message", "waits", "run", "lost")}
    return watch_document(sight) | {"said": whole | {"gates": gates}, "at": timestamp(sight.at)}


def planned(plan: Plan) -> dict[str, Any]:
    """Without the manifests, which the page does not show."""
    document = plan_document(plan)
    told = {"title": words.title(plan), "back": words.back(plan), "reached": words.reached(plan) if plan.weight else ""}
    return {**document, "steps": steps(plan), "undo": [], "said": told}


def steps(plan: Plan) -> list[dict[str, Any]]:
    """Each as a line of a plan; what only the history has of it is written, and is `quiet` as in a terminal."""
    return [
        {"glyph": row.glyph, "object": row.object, "what": row.what, "why": row.why, "quiet": isinstance(step, Record)}
        for step, row in zip(plan.steps, map(words.row, plan.steps), strict=True)
    ]


def shown(data: Any) -> str:
    """A document as one line of JSON. What cannot be seen in its texts, or would turn them, stands as what it is."""
    return json.dumps(_named(data), separators=(",", ":"), default=str)


def _named(data: Any) -> Any:
    if isinstance(data, str):
        return "\n".join(named(line) for line in data.split("\n"))
    if isinstance(data, dict):
        return {str(key): _named(value) for key, value in data.items()}
    if isinstance(data, Sequence):
        return [_named(each) for each in data]
    return data
