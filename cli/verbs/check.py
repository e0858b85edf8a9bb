"""`deploy check`: what would lose requests or get stuck, and mending it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from ...strategies import NAMES
from .. import completion
from .. import options as given
from ..context import Connected
from ..options import Override, Source, Where
from ..session import Screen, Session
from ..several import refuse_for_many
from ..verb import verb

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ...release.model import Release
    from ...ship.checking import Checked

StrategyOrRule = Annotated[
    str | None,
    typer.Argument(
        metavar="STRATEGY|RULE",
        help=f"{' '.join(NAMES)}; or a rule to be explained, such as RW004",
        autocompletion=completion.strategies_and_rules,
    ),
]
Fix = Annotated[bool, typer.Option("--fix", help="writes the fixes into your files, and shows what it changed")]
Diff = Annotated[bool, typer.Option("--diff", help="shows what --fix would write")]
Live = Annotated[bool, typer.Option("--live", help="asks the cluster, too: quotas, budgets, nodes, what is there already")]
FailOn = Annotated[str, typer.Option("--fail-on", metavar="error|warning", help="from what on the exit code is 1")]
Rules = Annotated[bool, typer.Option("--rules", help="lists all rules")]


@dataclass(frozen=True)
class SarifToo(Screen):
    """How findings are shown."""

    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="text|json|sarif",
            help="json, sarif: one document on stdout",
            autocompletion=completion.outputs("text", "json", "sarif"),
        ),
    ] = "text"


@dataclass(frozen=True)
class Mending:
    """What is done about what is found."""

    fix: Fix = False
    diff: Diff = False

    def refuse(self, override: Override, output: str) -> None:
        if (self.fix or self.diff) and override:
            raise BadInput(
                "--image and --set change what is checked, not what is written", hint="leave them out to mend the files"
            )
        if (self.fix or self.diff) and output == "sarif":
            raise BadInput("-o sarif does not go with --fix or --diff", hint="mend first, then check")


@verb(
    ("deploy check", "what would lose requests"),
    ("deploy check --diff", "what --fix would write"),
    ("deploy check RW004", "a rule, explained"),
)
def check(
    source: Source,
    where: Where,
    screen: SarifToo,
    override: Override,
    mending: Mending,
    strategy: StrategyOrRule = None,
    live: Live = False,
    fail_on: FailOn = "error",
    rules: Rules = False,
) -> int:
    """What would lose requests or get stuck, with its fix.

    Reads the release file and its manifests; asks a cluster only with --live, --context or --sandbox. Exit code 1 where there are
    errors. `# rollway: ignore RW003 because …` on or above a line ignores a rule.
    """
    session = screen.session(known=("text", "json", "sarif"))
    if fail_on not in ("error", "warning"):
        raise BadInput(f"--fail-on {fail_on}: neither error nor warning", hint=given.did_you_mean(fail_on, ("error", "warning")))
    if rules:
        return _list_rules(session)
    if strategy is not None and strategy not in NAMES and strategy[:2].upper() == "RW":
        return _explain(session, strategy)
    name = given.strategy_named(strategy)
    mending.refuse(override, screen.output)
    if source.is_many:
        refuse_for_many(source, name, override)
    checked = _checked(session, source, where, override, name, is_live=live or bool(where.context) or where.is_sandbox)
    if mending.fix or mending.diff:
        return _mend(session, checked, name, is_written=not mending.diff, fail_on=fail_on)
    session.view.check(checked, strategy=name)
    return _exit_code(checked, fail_on)


def _checked(
    session: Session, source: Source, where: Where, override: Override, strategy: str | None, *, is_live: bool
) -> Sequence[Checked]:
    from ...ship import checking

    releases = _releases(session, source, where, override)
    if not is_live:
        return [checking.check(release, strategy) for release in releases]
    out: list[Checked] = []

    async def use_case(connected: Connected) -> int:
        for release in releases:
            placed = release.with_namespace(where.namespace or release.namespace or connected.namespace or "default")
            out.append(await checking.check_live(connected.cluster, placed, strategy))
        return 0

    session.with_cluster(where, use_case)
    return out


def _releases(session: Session, source: Source, where: Where, override: Override) -> list[Release]:
    if not source.is_many:
        return [session.release(source, where, override)]
    from ...release.several import load_all

    return [one.release for one in load_all(source.files, sets=override.sets or (), namespace=where.namespace)]


def _mend(session: Session, checked: Sequence[Checked], strategy: str | None, *, is_written: bool, fail_on: str) -> int:
    from ...kube.secrecy import masked_text
    from ...ship import fixing
    from ..views.check_text import fixed_lines
    from ..views.json import finding_document
    from ..views.paint import Paint, is_lively

    plan = fixing.plan_fixes(checked)
    if is_written:
        fixing.write(plan)
    data = {
        "written": list(plan.texts) if is_written else [],
        "files": [{"file": source, "text": masked_text(text)} for source, text in plan.texts.items()],
        "fixed": [finding_document(finding) for finding in plan.done],
        "left": [{**finding_document(finding), "reason": reason} for finding, reason in plan.left],
    }
    session.view.document(data, "\n".join(fixed_lines(plan, Paint(is_lively(sys.stdout)), is_written=is_written)))
    left = {finding.severity for finding, _ in plan.left} | (
        {finding.severity for finding in plan.done} if not is_written else set()
    )
    return _worst(left, fail_on)


def _exit_code(checked: Sequence[Checked], fail_on: str) -> int:
    return _worst({finding.severity for one in checked for finding in one.findings}, fail_on)


def _worst(severities: Collection[str], fail_on: str) -> int:
    return 1 if "error" in severities or (fail_on == "warning" and "warning" in severities) else 0


def _list_rules(session: Session) -> int:
    from ...preflight.rules import BY_ID
    from ..views.check_text import rules_lines
    from ..views.paint import Paint, is_lively

    data = {
        "rules": [{"id": rule.id, "severity": rule.severity, "title": rule.title, "why": rule.why} for rule in BY_ID.values()]
    }
    session.view.document(data, "\n".join(rules_lines(BY_ID.values(), Paint(is_lively(sys.stdout)))))
    return 0


def _explain(session: Session, text: str) -> int:
    from ...preflight.rules import BY_ID
    from ..views.check_text import rule_lines
    from ..views.paint import Paint, is_lively

    rule = BY_ID.get(text.upper())
    if rule is None:
        raise BadInput(f"there is no rule {text}", hint="`deploy check --rules` lists them")
    data = {name: getattr(rule, name) for name in ("id", "severity", "title", "why", "more", "example")}
    session.view.document(data, "\n".join(rule_lines(rule, Paint(is_lively(sys.stdout)))))
    return 0
