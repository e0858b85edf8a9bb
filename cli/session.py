"""What every verb about a release does first: read the file, choose the cluster and the namespace; and show what comes of it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from . import options as given
from .context import Connected, Surroundings
from .options import NO_OVERRIDE, Override, Source, Where
from .views import View, view_for

if TYPE_CHECKING:
    from ..release.model import Release
    from ..release.several import After

ManyUseCase = Callable[["list[Release]", "After", Connected], Awaitable[int]]
UseCase = Callable[["Release", Connected], Awaitable[int]]
Vet = Callable[["Sequence[Release]"], None]


@dataclass(frozen=True)
class Screen:
    """How a verb shows what comes of it."""

    context: typer.Context
    output: given.Output = "text"

    def session(self, *, is_verbose: bool = False, known: Sequence[str] = ("text", "json")) -> Session:
        """Raises BadInput for an output that is none of the known."""
        return Session.of(self.context, given.output(self.output, known), is_verbose=is_verbose)


@dataclass(frozen=True)
class Detail(Screen):
    """The same of a verb that shows steps."""

    verbose: given.Verbose = False

    def session(self, *, is_verbose: bool = False, known: Sequence[str] = ("text", "json")) -> Session:
        return super().session(is_verbose=is_verbose or self.verbose, known=known)


@dataclass
class Session:
    """One command. Errors pass through it to `main`, which shows them by the same view."""

    surroundings: Surroundings
    view: View

    @staticmethod
    def of(context: typer.Context, output: str, *, is_verbose: bool = False) -> Session:
        surroundings = context.obj if isinstance(context.obj, Surroundings) else Surroundings()
        return Session(surroundings, view_for(output, is_verbose=is_verbose))

    def release(
        self,
        source: Source,
        where: Where,
        override: Override = NO_OVERRIDE,
        strategy: str | None = None,
        *,
        reads_stdin: bool = True,
    ) -> Release:
        from ..release.load import load

        stdin = sys.stdin if reads_stdin and not sys.stdin.isatty() else None
        return load(
            source.file,
            image=override.image,
            sets=override.sets or (),
            strategy=strategy,
            namespace=where.namespace,
            stdin=stdin,
        )

    def vet(self, releases: Sequence[Release], strategy: str | None, *, force: bool) -> None:
        """Shows shortly what `deploy check` would find. Raises BadInput where there are errors, unless forced."""
        from ..ship import checking

        checked = [checking.check(release, strategy) for release in releases]
        is_refused = not force and any(one.errors for one in checked)
        self.view.findings(checked, is_refused=is_refused)
        if is_refused:
            checking.refuse(checked)

    def releases(self, source: Source, where: Where, override: Override = NO_OVERRIDE) -> list[Release]:
        """That of one release file, or those of several. Asks no cluster."""
        if not source.is_many:
            return [self.release(source, where, override)]
        from ..release.several import linked, load_all

        written = load_all(source.files, sets=override.sets or (), namespace=where.namespace)
        linked(written)
        return [one.release for one in written]

    def with_release(
        self, source: Source, where: Where, use_case: UseCase, *, override: Override = NO_OVERRIDE, vet: Vet | None = None
    ) -> int:
        """The file is read, and vetted, before the cluster is asked for: a mistake in it is told of without one."""
        release = self.release(source, where, override)
        if vet:
            vet([release])
        return self.with_loaded(release, where, use_case)

    def with_loaded(self, release: Release, where: Where, use_case: UseCase) -> int:
        """In the namespace that the command line, the release file or the context says."""

        async def in_namespace(connected: Connected) -> int:
            placed = release.with_namespace(where.namespace or release.namespace or connected.namespace or "default")
            return await use_case(placed, connected)

        return self.with_cluster(where, in_namespace)

    def with_releases(
        self, source: Source, where: Where, use_case: ManyUseCase, *, override: Override = NO_OVERRIDE, vet: Vet | None = None
    ) -> int:
        """As `with_release`, of several. What depends on what is checked, too, before the cluster is asked for."""
        from ..release.several import linked, load_all, placed

        written = load_all(source.files, sets=override.sets or (), namespace=where.namespace)
        linked(written)
        if vet:
            vet([one.release for one in written])

        async def in_namespaces(connected: Connected) -> int:
            # the context's namespace may make two of them the same
            found = placed(written, where.namespace or connected.namespace or "default")
            after = linked(found)
            return await use_case([one.release for one in found], after, connected)

        return self.with_cluster(where, in_namespaces)

    def with_cluster(self, where: Where, use_case: Callable[[Connected], Awaitable[int]]) -> int:
        async def connected() -> int:
            async with self.surroundings.connect(where, self.view.note) as found:
                return await use_case(found)

        try:
            return int(self.surroundings.run(connected()))
        finally:
            self.view.close()

    def vetting(self, strategy: str | None, *, force: bool) -> Vet:
        return lambda releases: self.vet(releases, strategy, force=force)

    async def prepare(self, connected: Connected, releases: Sequence[Release]) -> None:
        """The sandbox starts empty, and whoever tries it may not have kubectl: there, and nowhere else, namespaces are made, and
        custom resources that come without their definition get one that takes them as they are."""
        if not connected.is_sandbox:
            return
        from ..kube.objects import DEFINITION, NAMESPACE, Ref, get, is_a, ref_of
        from ..sandbox.store.customs import definition_of
        from ..ship.rights import likely_kind
        from ..ship.served import unknown

        for namespace in dict.fromkeys(release.namespace for release in releases):
            ref = Ref(NAMESPACE.api_version, NAMESPACE.name, "", namespace)
            if await connected.cluster.get(ref) is None:
                await connected.cluster.apply({"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": namespace}})
                self.view.note(f"namespace {namespace} created in the sandbox")
        objects = [obj for release in releases for obj in release.others]
        # a list, as what a file says of them may be anything
        brought = [(get(obj, "spec", "group"), get(obj, "spec", "names", "kind")) for obj in objects if is_a(obj, DEFINITION)]
        for kind in [likely_kind(ref_of(obj)) for obj in await unknown(connected.cluster, objects)]:
            if (kind.group, kind.name) not in brought:
                await connected.cluster.apply(definition_of(kind))
                self.view.note(f"{kind.name} ({kind.group}) has no definition in the sandbox: it is kept as it is written")
