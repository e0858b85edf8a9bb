"""`deploy render`: the manifests, as YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from ..context import Connected
from ..options import Override, Where
from ..session import Screen, Session
from ..subject import Meant, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release

Hooks = Annotated[bool, typer.Option("--hooks", help="the Jobs of hooks, too")]
ShowSecrets = Annotated[bool, typer.Option("--show-secrets", help="does not mask what Secrets hold")]


@verb(
    ("deploy render blue-green", "what would be applied"),
    ("deploy render shop -n shop", "what was applied, without a release file"),
)
def render(
    subject: Meant,
    where: Where,
    screen: Screen,
    override: Override,
    show_secrets: ShowSecrets = False,
    hooks: Hooks = False,
) -> int:
    """The manifests that a release applies, as YAML.

    Without the Jobs of its hooks, which are run and not applied; --hooks shows them, too.
    Of a release file; asks no cluster. With APP those of the release that its cluster knows: under way, else live.
    """
    session, name = screen.session(), subject.strategy
    if subject.is_many:
        raise BadInput("several release files, or a folder: one at a time is rendered", hint="name one with -f")

    def shown(release: Release) -> int:
        return _show(
            session, release, name or release.strategy, is_text=screen.output == "text", is_open=show_secrets, with_hooks=hooks
        )

    async def known(release: Release, connected: Connected) -> int:
        return shown(release)

    if subject.name is None:
        return shown(session.release(subject.source, where, override, name))
    if override:
        raise BadInput(f"--image and --set change a release file, and {subject.name} is taken as its cluster knows it")
    return with_subject(session, subject, where, known)


def _show(session: Session, release: Release, strategy: str, *, is_text: bool, is_open: bool, with_hooks: bool) -> int:
    from ...kube.secrecy import masked
    from ...release.dump import manifests_text
    from ...strategies import hooks, of_release

    applied, jobs = of_release(strategy, release).render(), [hooks.rendered(release, each) for each in release.hooks]
    shown, run = ([obj if is_open else masked(obj) for obj in each] for each in (applied, jobs))
    if [*shown, *run] != [*applied, *jobs]:
        session.view.note("what Secrets hold is masked; --show-secrets shows it")
    if run and not with_hooks:
        named = ", ".join(f"{each.when} {each.name}" for each in release.hooks)
        session.view.note(f"the Jobs of {named} are run beside these; --hooks shows them")
    data = {"app": release.app, "namespace": release.namespace, "strategy": strategy, "manifests": shown}
    data |= {
        "hooks": [
            {"when": each.when, "name": each.name, "timeout": each.timeout, "job": job}
            for each, job in zip(release.hooks, run, strict=True)
        ]
    }
    text = manifests_text([*shown, *(run if with_hooks else ())], explicit_start=True) if is_text else ""
    session.view.document(data, text)
    return 0
