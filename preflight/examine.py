"""Runs the rules over a release, gives each finding its place, and leaves out what the user has chosen to ignore."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan.observed import Observed
from ..release.file import named as path_text
from ..release.model import Release, key_of
from ..release.yamlfile import Document, Path
from .case import Case, named
from .ignores import Ignore, heads_of, ignores_in
from .model import SEVERITIES, Finding, Found, Rule
from .patch import patch_text, snippet_text
from .rules import BY_ID, RULES, UNREASONED, UNUSED


def findings(
    release: Release, strategy: str | None = None, observed: Observed | None = None, *, is_live: bool = False
) -> tuple[Finding, ...]:
    """What would lose requests or get stuck, the worst first, then by place.

    `strategy`: by which it is to be released, where that is not the release's own. `observed` holds what is live, and `is_live`
    says that it holds all that rules ask for: quotas, budgets, autoscalers, Services and Istio's objects of the namespace, the
    namespace itself and the nodes. What a comment ignores is not in the answer; an ignore that is wrong is.
    """
    case = Case(release, strategy or release.strategy, observed or Observed(), is_live)
    notes = _Notes(release)
    used: set[Ignore] = set()
    out: list[Finding] = []
    for rule in RULES:
        for found in rule.look(case) if rule.look else ():
            silent = notes.silencing(rule, found)
            used |= set(silent)
            if not silent:
                out.append(_placed(rule, found, release))
    # by another strategy, or on a cluster with room to spare, a rule may not be broken that the ignore is needed for
    is_usual = case.strategy == release.strategy and not is_live
    out += _wrong_ignores(notes.ignores, used if is_usual else set(notes.ignores))
    return tuple(sorted(out, key=lambda one: (SEVERITIES.index(one.severity), one.source, one.line, one.column, one.id)))


def _documents(release: Release) -> list[Document]:
    file = [release.sources.file] if release.sources.file else []
    return [*file, *(located.document for located in release.sources.objects.values())]


def _written(release: Release, found: Found) -> tuple[Document, Path] | None:
    """The document in which something is found, and its path there; None where it is written nowhere."""
    if found.obj is None:
        return (release.sources.file, found.path) if release.sources.file else None
    located = release.sources.objects.get(key_of(found.obj))
    return (located.document, (*located.path, *found.path)) if located else None


class _Notes:
    """The ignores of a release's files, and what each line of them begins; looked up once a document, and once a line."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self.ignores = ignores_in(_documents(release))
        self._at: dict[int, list[tuple[Path, Ignore]]] = {}

    def silencing(self, rule: Rule, found: Found) -> list[Ignore]:
        written = _written(self._release, found) if self.ignores else None
        if written is None:
            return []
        document, path = written
        return [ignore for head, ignore in self._heads(document) if rule.id in ignore.ids and path[: len(head)] == head]

    def _heads(self, document: Document) -> list[tuple[Path, Ignore]]:
        """The document's ignores with what they are about."""
        if id(document) not in self._at:
            heads = heads_of(document)
            own = [ignore for ignore in self.ignores if ignore.source == document.source and ignore.note.about in heads]
            self._at[id(document)] = [(heads[ignore.note.about], ignore) for ignore in own]
        return self._at[id(document)]


def _placed(rule: Rule, found: Found, release: Release) -> Finding:
    written = _written(release, found)
    source, line, column = written[0].place(written[1]) if written else ("", 0, 0)
    line, column = found.mark or (line, column)
    return Finding(
        rule=rule,
        severity=found.severity or rule.severity,
        message=found.message,
        source=source,
        line=line,
        column=column,
        object=named(found.obj) if found.obj else "",
        path=path_text(found.path) if found.path else "",
        fix=found.fix,
        patch=patch_text(found.obj, found.fix),
        snippet=_snippet(found),
        hint="" if found.fix else found.hint,
    )


def _snippet(found: Found) -> tuple[str, str]:
    path, text = snippet_text(found.obj, found.fix)
    return path_text(path) if path else "", text


def _wrong_ignores(ignores: list[Ignore], used: set[Ignore]) -> Iterator[Finding]:
    for ignore in ignores:
        if unknown := [each for each in ignore.ids if each not in BY_ID]:
            yield _of_note(UNUSED, ignore, f"there is no rule {unknown[0]}", "`deploy check --rules` lists them")
        elif not ignore.ids:
            yield _of_note(
                UNUSED, ignore, f"not understood: rollway: {ignore.note.text}", "write # rollway: ignore RW003 because …"
            )
        elif ignore not in used:
            yield _of_note(UNUSED, ignore, f"nothing here breaks {' or '.join(ignore.ids)}", "take the comment out")
        if ignore.ids and not ignore.reason:
            yield _of_note(UNREASONED, ignore, f"{', '.join(ignore.ids)} is ignored without a reason", "add: because …")


def _of_note(rule: Rule, ignore: Ignore, message: str, hint: str) -> Finding:
    return Finding(rule, rule.severity, message, ignore.source, ignore.note.line, 1, "", "", hint=hint)
