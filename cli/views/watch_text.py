"""An application as a tree: `deploy watch` on the screen, and in a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ...kube.clock import timestamp
from ...kube.printed import age
from ...plan.revision import Revision
from ...ship.sight import Sight
from ...ship.tree import Branch, Leaf, Stem, compact
from ...strategies import stands
from .gates_text import gates_lines, told
from .json import revision_document, status_document
from .paint import Paint, Style
from .sink import fitted
from .standing_text import drift_lines, painted_phase, share
from .words import cut, duration, pods

HEAD = ("NAME", "STATUS", "READY", "RESTARTS", "AGE")
MOST_STATUS = {True: 21, False: 40}
"""Of the STATUS column, in a narrow terminal and in any other."""
NARROW = 100
SHORTEST_NAME = 12
_GLYPHS = {"Promoted": "✓", "Paused": "∥", "Progressing": "…", "Failed": "✗", "RolledBack": "−"}
_STYLES: Mapping[str, Style] = {"Running": "good", "Completed": "faint", "Terminating": "faint", "Succeeded": "faint"}


class Row(NamedTuple):
    """A line of the tree: `key` says what it is of, whatever is said of it; `said` is what a log tells of it; `under` stands in a
    line below."""

    key: tuple[str, ...]
    said: str
    lead: str
    name: str
    status: str
    ready: str = ""
    restarts: str = ""
    age: str = ""
    style: Style | None = None
    under: str = ""


def watch_lines(sight: Sight, now: datetime, paint: Paint, width: int | None = None, height: int | None = None) -> list[str]:
    """The whole picture, in lines of at most `width` columns; where it has more than `height` of them, with fewer pods."""
    most = max((len(branch.pods) for stem in sight.stems for branch in stem.branches), default=0)
    least = 0
    lines = _lines(sight, now, paint, width, most)
    if height is None or len(lines) <= height:
        return lines
    while least < most:  # the most pods that there is room for
        middle = (least + most + 1) // 2
        least, most = (middle, most) if len(_lines(sight, now, paint, width, middle)) <= height else (least, middle - 1)
    return _lines(sight, now, paint, width, least)[:height]


def _lines(sight: Sight, now: datetime, paint: Paint, width: int | None, most_pods: int) -> list[str]:
    head = [*_head(sight, now, paint)]
    rows = [*tree_rows(sight.stems, now, most_pods)]
    body = ["", *_table(rows, paint, width)] if rows else []
    return [part for line in [*head, *body] for part in fitted(line, width)]


def _head(sight: Sight, now: datetime, paint: Paint) -> Iterator[str]:
    """What stands how, what is waited for, since when, who; and what the gates have measured."""
    status, last = sight.status, sight.status.last
    yield f"{paint(status.app, 'strong')} · namespace {status.namespace} · {paint(timestamp(now)[11:19] + ' UTC', 'faint')}"
    if sight.lost:
        yield f"  {paint.glyph('!')} {paint(f'as it was {age(timestamp(sight.at), now)} ago: {sight.lost}', 'bad')}"
    if last is None:
        yield "  nothing has been released here by rollway yet"
        return
    given = share(last, status.given) if last.is_in_flight else ""
    yield f"  {paint.glyph(_GLYPHS[last.phase])} {_versions(sight)} by {last.strategy}: {painted_phase(last, paint)}{given}"
    yield paint(f"    since {last.standing}", "faint")
    if last.message:
        yield f"    {last.message}"
    if sight.waits_for:
        yield f"    waits for {paint(sight.waits_for, 'waiting')}"
    left_s = status.pause_left_s - (now - sight.at).total_seconds()
    if left_s >= 1:
        yield f"    left of its pause: {duration(left_s)} (--auto waits for it)"
    if status.held:
        seconds = age(status.held.since, now)
        yield f"    run by {status.held.holder}, {'which is gone' if status.held.is_silent else f'for {seconds}'}"
    yield from gates_lines(status.gates, paint)
    yield from (f"  {paint.glyph('✗')} {name} is gone: somebody deleted it" for name in status.gone)
    yield from (f"  {paint.glyph('!')} {remark}" for remark in status.remarks)
    yield from (f"  {paint.glyph('!')} {side.name}: {line}" for side in status.sides for line in drift_lines(side))


def _versions(sight: Sight) -> str:
    live, last = sight.status.live, sight.status.last
    assert last is not None
    return f"{live.version} → {last.version}" if live and last.is_in_flight and live is not last else last.version


# the tree


def tree_rows(stems: Sequence[Stem], now: datetime, most_pods: int) -> Iterator[Row]:
    for stem, branches in compact(stems, most_pods):
        yield _stem_row(stem, now)
        for place, (branch, more) in enumerate(branches):
            is_last = place == len(branches) - 1
            yield _branch_row(stem, branch, "└─ " if is_last else "├─ ")
            indent = "   " if is_last else "│  "
            for number, leaf in enumerate(branch.pods):
                is_end = number == len(branch.pods) - 1 and not more
                yield _leaf_row(leaf, indent + ("└─ " if is_end else "├─ "), now)
            if more:
                yield Row(("more", branch.side.name, _number(stem)), "", indent + "└─ ", f"and {pods(more)} more", "")


def _stem_row(stem: Stem, now: datetime) -> Row:
    each = stem.revision
    if each is None:
        return Row(("revision", "0"), "pods of no revision that is known", "? ", "no known revision", "")
    word = "live" if stem.is_live else _standing(each)
    since = each.entries[-1].at if each.entries else each.ended or each.started
    style: Style | None = {"Promoted": "good", "Failed": "bad", "Paused": "waiting"}.get(each.phase)  # type: ignore[assignment]
    name = f"revision {each.number} · {each.version}"
    return Row(
        ("revision", str(each.number)), f"{name}: {word}", f"{_GLYPHS[each.phase]} ", name, word,
        age=age(since, now) if since else "", style=style,
    )  # fmt: skip


def _standing(each: Revision) -> str:
    word = {"RolledBack": "rolled back", "Progressing": "on its way"}.get(each.phase, each.phase.lower())
    told = {"Paused": stands.at, "Progressing": stands.to, "Failed": stands.at}.get(each.phase)
    return f"{word}{told(each)}" if told else word


def _branch_row(stem: Stem, branch: Branch, lead: str) -> Row:
    side, count, status = branch.side, f"{branch.ready}/{branch.wanted}", "its former pods"
    if branch.is_newest:
        status = side.told
    said = f"{side.kind} {side.name} of {_named(stem)}: {count} ready, {status}"
    style: Style = "faint" if not side.message or not branch.is_newest else "changed"
    return Row(("deployment", side.name, _number(stem)), said, lead, f"{side.kind} {side.name}", status, count, style=style)


def _leaf_row(leaf: Leaf, lead: str, now: datetime) -> Row:
    count = f"{leaf.ready}/{leaf.containers}"
    again = f", {leaf.restarts} restart{'s' if leaf.restarts != 1 else ''}" if leaf.restarts else ""
    trouble = f": {leaf.trouble}" if leaf.trouble else ""
    style = _STYLES.get(leaf.status, "changed" if leaf.status in ("Pending", "ContainerCreating", "PodInitializing") else "bad")
    return Row(
        ("pod", leaf.name), f"pod {leaf.name}: {leaf.status}, {count} ready{again}{trouble}", lead, leaf.name, leaf.status, count,
        str(leaf.restarts) if leaf.restarts else "", age(leaf.created or None, now),
        "changed" if leaf.status == "Running" and not leaf.is_ready else style, leaf.trouble,
    )  # fmt: skip


def _named(stem: Stem) -> str:
    return f"revision {stem.revision.number}" if stem.revision else "no known revision"


def _number(stem: Stem) -> str:
    return str(stem.revision.number) if stem.revision else "0"


def _table(rows: Sequence[Row], paint: Paint, width: int | None) -> Iterator[str]:
    """Columns as wide as what is in them. In a narrow terminal names give way first, at their beginning: ends tell pods apart."""
    between = 2 if width is not None and width < NARROW else 3
    most = MOST_STATUS[width is not None and width < NARROW]
    cells = [(cut(row.status, most), row.ready, row.restarts, row.age) for row in rows]
    shown = [index for index in range(4) if any(each[index] for each in cells)]
    widths = {index: max(len(HEAD[index + 1]), *(len(each[index]) for each in cells)) for index in shown}
    room = None if width is None else max(width - sum(widths.values()) - between * len(widths), SHORTEST_NAME)
    names = [_name(row, room) for row in rows]
    longest = max(len(HEAD[0]), *map(len, names))
    gap = " " * between
    yield paint(gap.join([f"{HEAD[0]:<{longest}}", *(f"{HEAD[i + 1]:<{widths[i]}}" for i in shown)]).rstrip(), "faint")
    for row, name, each in zip(rows, names, cells, strict=True):
        lead = paint(row.lead, row.style) if row.key[0] == "revision" else row.lead
        texts = [f"{lead}{name[len(row.lead) :]:<{longest - len(row.lead)}}"]
        texts += [paint(f"{each[i]:<{widths[i]}}", row.style if i == 0 else None) for i in shown]
        yield gap.join(texts).rstrip()
        if row.under:
            indent = " " * (len(row.lead) + 2)
            yield indent + paint(cut(row.under, None if width is None else max(width - len(indent), SHORTEST_NAME)), "waiting")


def _name(row: Row, room: int | None) -> str:
    text = row.lead + row.name
    if room is None or len(text) <= room:
        return text
    return f"{row.lead}…{row.name[-max(room - len(row.lead) - 1, 1) :]}"


# in a log


def facts(sight: Sight, now: datetime) -> dict[tuple[str, ...], str]:
    """What is the case, each by what it is of: what has changed of it, a log tells."""
    status, last = sight.status, sight.status.last
    plain = Paint(False)
    found: dict[tuple[str, ...], str] = {}
    if last:
        given = share(last, status.given) if last.is_in_flight else ""
        found["phase",] = f"{_versions(sight)} by {last.strategy}: {painted_phase(last, plain)}{given}"
        found["message",] = last.message
    found["lost",] = f"nothing newer can be seen: {sight.lost}" if sight.lost else ""
    found["waits",] = f"waits for {sight.waits_for}" if sight.waits_for else ""
    if status.held:
        found["run",] = f"run by {status.held.holder}" + (", which is gone" if status.held.is_silent else "")
    found |= {("gate", each.gate): f"gate {each.gate}: {told(each)}" for each in status.gates}
    found |= {("remark", remark): remark for remark in status.remarks}
    found |= {("gone", name): f"{name} is gone: somebody deleted it" for name in status.gone}
    most = max((len(branch.pods) for stem in sight.stems for branch in stem.branches), default=0)
    return found | {row.key: row.said for row in tree_rows(sight.stems, now, most)}


def changes(before: Mapping[tuple[str, ...], str], after: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    """What a log tells of two looks, one after the other."""
    for key, said in after.items():
        if said and before.get(key) != said:
            yield said
    for key in before:
        if key not in after and key[0] in ("pod", "run"):
            yield f"pod {key[1]} is gone" if key[0] == "pod" else "nobody is at it any more"


# as data


def watch_document(sight: Sight) -> dict[str, Any]:
    status = sight.status
    document = status_document(status, "watch", status.last.strategy if status.last else "")
    held = status.held
    return document | {
        "waitsFor": sight.waits_for,
        "run": {"by": held.holder, "since": held.since, "isGone": held.is_silent} if held else None,
        "tree": [_stem_document(stem) for stem in sight.stems],
    }


def _stem_document(stem: Stem) -> dict[str, Any]:
    revision = revision_document(stem.revision) if stem.revision else None
    return {"revision": revision, "isLive": stem.is_live, "deployments": [_branch_document(each) for each in stem.branches]}


def _branch_document(branch: Branch) -> dict[str, Any]:
    side = branch.side
    return {
        "name": side.name,
        "ready": branch.ready,
        "wanted": branch.wanted,
        "isNewest": branch.is_newest,
        "isRouted": side.is_routed,
        "gets": side.gets,
        "message": side.message if branch.is_newest else "",
        "percent": side.percent,
        "pods": [
            {
                "name": leaf.name, "status": leaf.status, "ready": leaf.ready, "containers": leaf.containers,
                "restarts": leaf.restarts, "created": leaf.created, "isReady": leaf.is_ready, "trouble": leaf.trouble,
            }
            for leaf in branch.pods
        ],
    }  # fmt: skip
