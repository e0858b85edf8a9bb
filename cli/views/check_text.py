"""What `deploy check` finds, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ...kube.secrecy import masked_text
from ...kube.workload import workload_of
from .paint import Paint, Style

if TYPE_CHECKING:
    from ...preflight import Finding, Rule, Severity
    from ...preflight.writing import Rewritten
    from ...ship.checking import Checked

STYLES: dict[Severity, Style] = {"error": "bad", "warning": "changed", "info": "faint"}
GLYPHS: dict[Severity, str] = {"error": "✗", "warning": "!", "info": "·"}
SHORT = 5
"""Findings that are told before a run, at most."""


def check_lines(checked: Sequence[Checked], paint: Paint, strategy: str | None = None) -> Iterator[str]:
    for one in checked:
        yield from _release_lines(one, paint, strategy)
    found = [finding for one in checked for finding in one.findings]
    source = None
    for finding in sorted(found, key=lambda each: each.source):
        if finding.source != source:
            source = finding.source
            yield ""
            yield paint(source or "in no file", "strong")
        yield from finding_lines(finding, paint)
    yield ""
    unread = [one for one in checked if one.unread]
    yield counted(found) + (", as far as this account may look" if unread else "")
    for one in unread:
        told = f"{one.release.app}: not judged by what this account may not list: {', '.join(one.unread)}"
        yield f"{paint('!', STYLES['warning'])} {told}"
    if any(finding.fix for finding in found):
        yield f"  {paint('try:', 'faint')} `deploy check --diff` shows what `--fix` would write; `… {found[0].id}` says more"
    elif found:
        yield f"  {paint('try:', 'faint')} `deploy check {found[0].id}` explains the rule"


def finding_lines(finding: Finding, paint: Paint) -> Iterator[str]:
    mark = paint(f"{finding.severity} {finding.id}", STYLES[finding.severity])
    yield f"  {finding.where}  {mark}  {finding.message}"
    yield f"    {paint(finding.rule.why, 'faint')}"
    path, text = finding.snippet
    if text:
        yield f"    {paint('fix', 'faint')}  {path or finding.object}"
        yield from (f"         {line}" for line in text.splitlines())
    elif finding.hint:
        yield f"    {paint('try', 'faint')}  {finding.hint}"


def counted(found: Iterable[Finding]) -> str:
    """`1 error, 2 warnings, 1 for information`"""
    count = Counter(finding.severity for finding in found)
    said = [_plural(count[severity], severity) for severity in ("error", "warning") if count[severity]]
    said += [f"{count['info']} for information"] if count["info"] else []
    return ", ".join(said) or "0 findings"


def brief_lines(checked: Sequence[Checked], paint: Paint) -> Iterator[str]:
    """Before a run: a line each of the worst, and how many there are. Nothing where there is nothing to warn of."""
    found = [finding for one in checked for finding in one.findings if finding.severity != "info"]
    for finding in found[:SHORT]:
        glyph = paint(GLYPHS[finding.severity], STYLES[finding.severity])
        yield f"{glyph} {finding.where} {finding.id} {finding.message}"
    if found:
        more = f"and {len(found) - SHORT} more · " if len(found) > SHORT else ""
        yield paint(f"  {more}{counted(found)} · deploy check", "faint")


def ids_text(checked: Iterable[Checked]) -> str:
    """`2 warnings: RW004, RW007`, for the foot of a plan; nothing where there is nothing to warn of."""
    found = [finding for one in checked for finding in one.findings if finding.severity != "info"]
    ids = ", ".join(dict.fromkeys(finding.id for finding in found))
    return f"{counted(found)}: {ids}, see `deploy check`" if found else ""


def rule_lines(rule: Rule, paint: Paint) -> Iterator[str]:
    import textwrap

    yield f"{paint(rule.id, 'strong')}  {rule.title} · {rule.severity}"
    for text in (rule.why, rule.more):
        yield ""
        yield from (f"  {line}" for line in textwrap.wrap(text, 98))
    yield ""
    yield from (f"      {line}" for line in rule.example.splitlines())
    yield ""
    yield f"  ignored by   # rollway: ignore {rule.id} because …   on or above the line, or an object's first line"


def rules_lines(rules: Iterable[Rule], paint: Paint) -> Iterator[str]:
    for rule in rules:
        yield f"{paint(rule.id, 'strong')}  {paint(f'{rule.severity:<7}', STYLES[rule.severity])}  {rule.title}"


def diff_text(plan: Rewritten) -> str:
    """A unified diff of all files, without what Secrets hold."""
    import difflib

    lines: list[str] = []
    for source, text in plan.texts.items():
        before, after = (masked_text(each).splitlines(keepends=True) for each in (plan.before[source], text))
        changed = difflib.unified_diff(before, after, source, source)
        lines += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in changed]
    return "".join(lines)


def fixed_lines(plan: Rewritten, paint: Paint, *, is_written: bool) -> Iterator[str]:
    """What was done about each finding, or would be."""
    yield from diff_text(plan).splitlines()
    for finding, reason in plan.left:
        yield f"{paint('–', 'faint')} {finding.where} {finding.id} not mended: {reason}"
    files = ", ".join(plan.texts)
    done = len(plan.done)
    if not plan.texts:
        yield "nothing to write"
    else:
        yield f"{'mended' if is_written else 'would mend'} {_plural(done, 'finding')} in {files}"


def _release_lines(one: Checked, paint: Paint, strategy: str | None) -> Iterator[str]:
    release = one.release
    file = release.sources.file.source if release.sources.file else ""
    open_number = "as many pods as there are" if workload_of(release.workload).is_scaled else "a pod on each node"
    replicas = open_number if release.replicas is None else _plural(release.replicas, "pod")
    others = [f"{obj['kind']} {obj['metadata']['name']}" for obj in release.others]
    services = [obj["metadata"]["name"] for obj in release.services]
    glyph = paint.glyph("✗" if one.errors else "!" if one.unread else "✓")
    yield f"{glyph} {file}: {release.app} {release.version}, by {strategy or release.strategy}"
    yield f"  {release.workload['kind']} {release.workload['metadata']['name']}   {replicas} of {release.image}"
    yield f"  Services     {', '.join(services)}" if services else "  no Service selects its pods"
    if others:
        yield f"  and          {', '.join(others)}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
