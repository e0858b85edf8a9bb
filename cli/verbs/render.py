"""`deploy render`: the manifests, as YAML."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import options as given
from ..options import DEFAULT_FILE, Override, Source, Where
from ..session import Screen
from ..verb import verb

ShowSecrets = Annotated[bool, typer.Option("--show-secrets", help="does not mask what Secrets hold")]


@verb(("deploy render blue-green", "what would be applied"))
def render(
    screen: Screen,
    override: Override,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    show_secrets: ShowSecrets = False,
) -> int:
    """The manifests that a release applies, as YAML.

    Asks no cluster.
    """
    session, name = screen.session(), given.strategy_named(strategy)
    release = session.release(Source([file]), Where(namespace=namespace), override, name)
    from ...kube.secrecy import masked
    from ...release.dump import manifests_text
    from ...strategies import by_name

    rendered = by_name(name or release.strategy)(release).render()
    shown = [obj if show_secrets else masked(obj) for obj in rendered]
    if shown != list(rendered):
        session.view.note("what Secrets hold is masked; --show-secrets shows it")
    data = {"app": release.app, "namespace": release.namespace, "strategy": name or release.strategy, "manifests": shown}
    session.view.document(data, manifests_text(shown, explicit_start=True) if screen.output == "text" else "")
    return 0
