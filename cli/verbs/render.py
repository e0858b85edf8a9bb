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
) -> int:
    """The manifests that a release applies, as YAML.

    Of a release file; asks no cluster. With APP those of the release that its cluster knows: under way, else live.
    """
    session, name = screen.session(), subject.strategy
    if len(subject.source.files) > 1:
        raise BadInput("several release files: one at a time is rendered", hint="name one with -f")

    def shown(release: Release) -> int:
        return _show(session, release, name or release.strategy, is_text=screen.output == "text", is_open=show_secrets)

    async def known(release: Release, connected: Connected) -> int:
        return shown(release)

    if subject.name is None:
        return shown(session.release(subject.source, where, override, name))
    if override:
        raise BadInput(f"--image and --set change a release file, and {subject.name} is taken as its cluster knows it")
    return with_subject(session, subject, where, known)


def _show(session: Session, release: Release, strategy: str, *, is_text: bool, is_open: bool) -> int:
    from ...kube.secrecy import masked
    from ...release.dump import manifests_text
    from ...strategies import of_release

    rendered = of_release(strategy, release).render()
    shown = [obj if is_open else masked(obj) for obj in rendered]
    if shown != list(rendered):
        session.view.note("what Secrets hold is masked; --show-secrets shows it")
    data = {"app": release.app, "namespace": release.namespace, "strategy": strategy, "manifests": shown}
    session.view.document(data, manifests_text(shown, explicit_start=True) if is_text else "")
    return 0
