"""The probe on the command line: the verb `probe`, and the flags by which a release is probed while it goes on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadInput
from . import options as given
from .session import Session

if TYPE_CHECKING:
    from ..load.measure import Moment
    from ..load.probe import Probe
    from ..load.report import Report
    from ..load.target import Bound, Target
    from ..release.model import Release
    from ..release.probe import ProbeOptions
    from .views import View

OFF = "off"
HEADER = '"NAME: VALUE"'
Url = Annotated[str, typer.Argument(metavar="URL", help="http:// or https://, by the way that users take")]
Rate = Annotated[str, typer.Option("--rate", metavar="N", help="requests a second, however long their answers take")]
Duration = Annotated[str | None, typer.Option("--duration", metavar="DURATION", help="10s, 5m, 1h; default: until Ctrl-C")]
KeepAlive = Annotated[
    bool, typer.Option("--keep-alive", help="keeps connections; default: a new one each, which shows losses best")
]
Method = Annotated[str, typer.Option("-X", "--method", metavar="METHOD", help="the request's method")]
Headers = Annotated[list[str] | None, typer.Option("-H", "--header", metavar=HEADER, help="sent with each; may be repeated")]
Body = Annotated[str | None, typer.Option("--body", metavar="TEXT|@FILE", help="sent with each request")]
Host = Annotated[str | None, typer.Option("--host", metavar="NAME", help="the Host header, and the certificate's name")]
Expect = Annotated[str, typer.Option("--expect", metavar="STATUS", help="of a good answer: 200, 2xx, 201,202")]
RequestTimeout = Annotated[str, typer.Option("--timeout", metavar="DURATION", help="what takes longer is lost")]
Insecure = Annotated[bool, typer.Option("--insecure", help="does not check the server's certificate")]
VersionHeader = Annotated[
    str, typer.Option("--version-header", metavar="NAME", help="names an answer's version; default: X-Version, X-App-Version")
]
MaxLost = Annotated[
    str | None,
    typer.Option("--max-lost", metavar="N|N%", help="more lost requests fail the command (exit 1)"),
]
Wait = Annotated[str | None, typer.Option("--wait", metavar="DURATION", help="waits so long for a first good answer")]
Every = Annotated[str, typer.Option("--every", metavar="DURATION", help="between two lines, where there is no terminal")]

ProbeUrl = Annotated[
    str | None, typer.Option("--probe", metavar="URL", help="sends requests meanwhile, and tells how many were lost; off: none")
]
ProbeRate = Annotated[
    str | None, typer.Option("--probe-rate", metavar="N", help="requests a second; default: 40", show_default=False)
]
ProbeHeaders = Annotated[
    list[str] | None, typer.Option("--probe-header", metavar=HEADER, help="sent with each of them; may be repeated")
]
ProbeExpect = Annotated[
    str | None, typer.Option("--expect", metavar="STATUS", help="of a good answer; default: 2xx,3xx", show_default=False)
]
ReleaseMaxLost = Annotated[
    str | None, typer.Option("--max-lost", metavar="N|N%", help="a release that loses more requests than that goes back")
]


def probe(
    ctx: typer.Context,
    url: Url,
    rate: Rate = "40",
    duration: Duration = None,
    keep_alive: KeepAlive = False,
    method: Method = "GET",
    header: Headers = None,
    body: Body = None,
    host: Host = None,
    expect: Expect = "2xx,3xx",
    timeout: RequestTimeout = "5s",
    insecure: Insecure = False,
    version_header: VersionHeader = "",
    max_lost: MaxLost = None,
    wait: Wait = None,
    every: Every = "5s",
    output: given.Output = "text",
) -> int:
    """Requests at a constant rate, and what became of them.

    Asks no cluster.

    They are sent when they are due, however long the answers take. Ctrl-C ends it with the figures so far.
    """
    from ..load.target import Expected, Target, rate_of

    session = Session.of(ctx, given.output(output))
    with _of("--expect", expect):
        expected = Expected.of(expect)
    target = Target.of(
        url, method=method, headers=header or (), body=_body(body), host=host or "", expected=expected,
        timeout_s=given.duration(timeout) or 0.0, keeps_alive=keep_alive, is_insecure=insecure, version_header=version_header,
    )  # fmt: skip
    with _of("--rate", rate):
        a_second = rate_of(rate)
    seconds, wait_s = given.duration(duration, "--duration"), given.duration(wait, "--wait")
    every_s = given.duration(every, "--every") or 0.0
    return _probed(session, target, a_second, seconds, wait_s, every_s, _bound(max_lost))


def _probed(
    session: Session,
    target: Target,
    rate: float,
    seconds: float | None,
    wait_s: float | None,
    every_s: float,
    bound: Bound | None,
) -> int:
    from ..load.measure import measure
    from .views.paint import Paint, is_lively
    from .views.probe_text import moment_line, probe_document, probe_lines
    from .views.ticker import Ticker

    async def use_case() -> Report:
        ticker = Ticker(every_s)

        def tell(moment: Moment) -> None:
            ticker.tell(moment.seconds, moment_line(moment, seconds))

        try:
            return await measure(target, rate, seconds, wait_s=wait_s, tell=tell)
        finally:
            ticker.close()

    try:
        report: Report = session.surroundings.run(use_case())
    finally:
        session.view.close()
    is_exceeded = bound is not None and bound.is_exceeded_by(report.lost, report.good + report.lost, is_over=True)
    lines = probe_lines(target, report, bound, Paint(is_lively(sys.stdout)))
    session.view.document(probe_document(target.url, report, bound), "\n".join(lines))
    return 1 if is_exceeded else 0


@dataclass(frozen=True)
class ProbeFlags:
    """The flags of a release's probe, over what the release file says."""

    url: str | None = None
    rate: str | None = None
    headers: tuple[str, ...] = ()
    expect: str | None = None
    max_lost: str | None = None

    @staticmethod
    def of(url: str | None, rate: str | None, headers: list[str] | None, expect: str | None, max_lost: str | None) -> ProbeFlags:
        """Raises BadInput for a value that cannot be read, before a file or a cluster is looked at."""
        flags = ProbeFlags(url, rate, tuple(headers or ()), expect, max_lost)
        if flags.is_off and (flag := next((name for name, value in flags.named.items() if value and name != "--probe"), None)):
            raise BadInput(f"{flag} is about a probe, and --probe {OFF} leaves it out", hint="leave one of them out")
        if any(flags.named.values()):
            from ..load.target import Expected, Target, rate_of

            Target.of("http://any" if flags.is_off else url or "http://any", headers=flags.headers)
            with _of("--probe-rate", rate):
                rate_of(rate or 1)
            with _of("--expect", expect):
                Expected.of(expect or "2xx")
            _bound(max_lost)
        return flags

    @property
    def is_off(self) -> bool:
        """Whether the release file's probe is left out: an application that is down is not to be kept from its cure."""
        return self.url == OFF

    @property
    def named(self) -> dict[str, object]:
        return {
            "--probe": self.url, "--probe-rate": self.rate, "--probe-header": self.headers, "--expect": self.expect,
            "--max-lost": self.max_lost,
        }  # fmt: skip

    def watch(self, release: Release, view: View, *, is_back: bool = False) -> Probe | None:
        """Raises BadInput where a flag says how to probe, and nothing says what.

        On the way back the file's bound is left out: what a version loses that is being taken back is no failure of the way back.
        """
        written = release.probe.model_copy(update={"max_lost": None}) if release.probe and is_back else release.probe
        settings = None if self.is_off else self._over(written)
        if settings is None:
            return None
        from ..load.probe import Probe

        return Probe(settings.target(), float(settings.rate), settings.bound, view.note)

    def _over(self, written: ProbeOptions | None) -> ProbeOptions | None:
        from ..release.probe import ProbeOptions

        if not self.url and written is None:
            if flag := next((name for name, value in self.named.items() if value), None):
                raise BadInput(
                    f"{flag} is about a probe, and there is none", hint="name it with --probe URL, or in the release file"
                )
            return None
        headers = {name.strip(): value.strip() for name, _, value in (text.partition(":") for text in self.headers)}
        flags = {"url": self.url, "rate": self.rate, "expect": self.expect, "max_lost": self.max_lost}
        data = (written.model_dump() if written else {}) | {name: value for name, value in flags.items() if value is not None}
        return ProbeOptions.model_validate(data | {"headers": {**data.get("headers", {}), **headers}})


@contextlib.asynccontextmanager
async def telling(watch: Probe | None, view: View) -> AsyncIterator[None]:
    """What was lost is told of a run that is cut off, too."""
    try:
        yield
    except BaseException:
        if watch and watch.has_begun:
            verdict = await watch.stop()
            view.note(f"until then: {verdict.summary}")
        raise


def _bound(text: str | None) -> Bound | None:
    if text is None:
        return None
    from ..load.target import Bound

    with _of("--max-lost", text):
        return Bound.of(text)


@contextlib.contextmanager
def _of(flag: str, text: str | None) -> Iterator[None]:
    """A mistake in a flag's value names the flag."""
    try:
        yield
    except BadInput as bad:
        raise BadInput(f"{flag} {text}: {bad.summary}", detail=bad.detail, hint=bad.hint) from bad


def _body(text: str | None) -> bytes:
    if text is None or not text.startswith("@"):
        return (text or "").encode()
    try:
        with open(text[1:], "rb") as file:
            return file.read()
    except OSError as error:
        raise BadInput(f"--body {text}: the file cannot be read: {error.strerror}") from error
