"""`deploy apply`: starts a release, several, or a saved plan."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import BadInput
from .. import options as given
from .. import running
from ..options import Besides, Limits, Override, Pace, Remote, Share, Source, Where
from ..probing import ProbeFlags
from ..running import How
from ..session import Detail
from ..verb import verb

Digest = Annotated[
    str | None, typer.Option("--digest", metavar="sha256:…", help="of a saved plan: any other is refused; `plan --out` tells it")
]


@verb(
    ("deploy apply --image ghcr.io/acme/shop:1.4.1", "to the first pause"),
    ("deploy apply blue-green", "by another strategy"),
    ("deploy apply --auto --probe http://shop.example.com/ --max-lost 0", "all the way; back at the first loss"),
    ("deploy apply --auto --in-cluster", "by a Job there, followed from here; Ctrl-C leaves it to itself"),
    ("deploy apply -f services/ --parallel 8", "several releases"),
)
def apply(
    source: Source,
    where: Where,
    screen: Detail,
    override: Override,
    share: Share,
    pace: Pace,
    probe: ProbeFlags,
    limits: Limits,
    remote: Remote,
    besides: Besides,
    strategy: given.StrategyOrPlan = None,
    parallel: given.Parallel = "4",
    digest: Digest = None,
    anyway: given.Anyway = False,
) -> int:
    """Starts the release, and stops at its first pause.

    First tells what `deploy check` finds; errors stop it (exit 2), unless --force.

    With --auto it goes on through every pause. A saved plan is computed again, and refused (exit 3) if that gives anything
    else than was saved. Of a folder all release files are applied, each after those it depends on. What somebody else has
    under way is taken back for it with --replace alone.
    """
    session, how, at_once = screen.session(), How(limits, probe, pace, override, remote), given.parallel(parallel)
    asked = running.request("apply", share.weight, **besides.asked)
    if source.is_many:
        from .. import several

        several.refuse_for_many(source, strategy, override, {**probe.named, **remote.named})
        return several.run_all(session, source, where, asked, how, at_once, session.vetting(None, force=anyway))
    if strategy is not None and given.is_saved_plan(strategy):
        if asked.weight is not None or override or limits.force or besides:
            flags = "--to, --full, --image, --set, --replace, --prune, --come-home, --rerun-hooks, --force-conflicts"
            raise BadInput(f"a saved plan is applied as it is: {flags} do not go with it")
        from .. import saved

        return saved.run(session, strategy, source, where, how, digest)
    if digest is not None:
        raise BadInput("--digest is of a saved plan", hint="deploy apply plan.json --digest sha256:…")
    name = given.strategy_named(strategy)
    return running.run(session, source, where, asked, name, how, vet=session.vetting(name, force=anyway))
