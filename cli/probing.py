"""The flags by which a release is probed while it goes on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from ..errors import BadInput

if TYPE_CHECKING:
    from ..cluster.port import Cluster
    from ..load.origin import Origin
    from ..load.probe import Probe
    from ..load.target import Bound
    from ..release.model import Release
    from ..release.probe import ProbeOptions

OFF = "off"
HEADER = '"NAME: VALUE"'
Url = Annotated[
    str | None, typer.Option("--probe", metavar="URL", help="sends requests meanwhile, and tells how many were lost; off: none")
]
Rate = Annotated[str | None, typer.Option("--probe-rate", metavar="N", help="requests a second; default: 40", show_default=False)]
Headers = Annotated[
    list[str] | None, typer.Option("--probe-header", metavar=HEADER, help="sent with each of them; may be repeated")
]
Expect = Annotated[
    str | None, typer.Option("--expect", metavar="STATUS", help="of a good answer; default: 2xx,3xx", show_default=False)
]
MaxLost = Annotated[
    str | None, typer.Option("--max-lost", metavar="N|N%", help="a release that loses more requests than that goes back")
]


class Tells(Protocol):
    def note(self, line: str) -> None: ...


@dataclass(frozen=True)
class ProbeFlags:
    """The flags of a release's probe, over what the release file says."""

    url: Url = None
    rate: Rate = None
    header: Headers = None
    expect: Expect = None
    max_lost: MaxLost = None

    def __post_init__(self) -> None:
        """Raises BadInput for a value that cannot be read, before a file or a cluster is looked at."""
        given = next((name for name, value in self.named.items() if value and name != "--probe"), None)
        if self.is_off and given:
            raise BadInput(f"{given} is about a probe, and --probe {OFF} leaves it out", hint="leave one of them out")
        if any(self.named.values()):
            from ..load.target import Expected, Target, rate_of

            Target.of("http://any" if self.is_off else self.url or "http://any", headers=self.header or ())
            with of_flag("--probe-rate", self.rate):
                rate_of(self.rate or 1)
            with of_flag("--expect", self.expect):
                Expected.of(self.expect or "2xx")
            bound_of(self.max_lost)

    @property
    def is_off(self) -> bool:
        """Whether the release file's probe is left out: an application that is down is not to be kept from its cure."""
        return self.url == OFF

    @property
    def named(self) -> dict[str, object]:
        return {
            "--probe": self.url, "--probe-rate": self.rate, "--probe-header": self.header, "--expect": self.expect,
            "--max-lost": self.max_lost,
        }  # fmt: skip

    def watch(self, release: Release, cluster: Cluster, view: Tells, *, is_back: bool = False) -> Probe | None:
        """Raises BadInput where a flag says how to probe, and nothing says what; or where nothing says of what image workers are.

        On the way back the file's bound is left out: what a version loses that is being taken back is no failure of the way back.
        """
        settings = self.settings(release)
        if settings and is_back and settings.max_lost is not None and self.max_lost is None:
            settings = settings.model_copy(update={"max_lost": None})
        if settings is None:
            return None
        from ..load.probe import Probe

        try:
            origin = self._origin(release, settings, cluster, view)
        except BadInput as bad:
            if not is_back:
                raise
            view.note(f"probe: {bad.summary}; it goes on without")
            return None
        return Probe(origin, settings.bound, view.note, is_needed=not is_back)

    def _origin(self, release: Release, settings: ProbeOptions, cluster: Cluster, view: Tells) -> Origin:
        target, rate = settings.target(), float(settings.rate)
        if settings.workers is None:
            from ..load.origin import Here

            return Here(target, rate)
        from ..cluster.who import this_person
        from ..kube.objects import get
        from ..ship.workerjob import Crew
        from ..ship.workers import Workers
        from .incluster import image_of

        pulls = get(release.workload, "spec", "template", "spec", "imagePullSecrets", default=())
        image = image_of(release, "sends a probe's requests")
        crew = Crew(release.namespace, image, settings.workers, this_person(), release.app, tuple(pulls))
        return Workers(cluster, target, rate, crew, view.note)

    def settings(self, release: Release) -> ProbeOptions | None:
        """The release file's probe with the flags laid over it; None where there is none. Raises BadInput as `watch` does."""
        return None if self.is_off else self._over(release.probe)

    def _over(self, written: ProbeOptions | None) -> ProbeOptions | None:
        if not self.url and written is None:
            if flag := next((name for name, value in self.named.items() if value), None):
                raise BadInput(
                    f"{flag} is about a probe, and there is none", hint="name it with --probe URL, or in the release file"
                )
            return None
        from ..release.probe import ProbeOptions

        headers = {name.strip(): value.strip() for name, _, value in (text.partition(":") for text in self.header or ())}
        flags = {"url": self.url, "rate": self.rate, "expect": self.expect, "max_lost": self.max_lost}
        data = (written.model_dump() if written else {}) | {name: value for name, value in flags.items() if value is not None}
        return ProbeOptions.model_validate(data | {"headers": {**data.get("headers", {}), **headers}})


@contextlib.asynccontextmanager
async def telling(watch: Probe | None, view: Tells) -> AsyncIterator[None]:
    """What was lost is told of a run that is cut off, too."""
    try:
        yield
    except BaseException:
        if watch and watch.has_begun:
            verdict = await watch.stop()
            view.note(f"until then: {verdict.summary}")
        raise


def bound_of(text: str | None) -> Bound | None:
    if text is None:
        return None
    from ..load.target import Bound

    with of_flag("--max-lost", text):
        return Bound.of(text)


@contextlib.contextmanager
def of_flag(flag: str, text: str | None) -> Iterator[None]:
    """A mistake in a flag's value names the flag."""
    try:
        yield
    except BadInput as bad:
        raise BadInput(f"{flag} {text}: {bad.summary}", detail=bad.detail, hint=bad.hint) from bad
