"""`deploy probe`: requests at a constant rate, and what became of them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from .. import completion
from .. import options as given
from ..context import Connected
from ..options import Where
from ..probing import HEADER, bound_of, of_flag
from ..session import Screen, Session
from ..verb import verb

if TYPE_CHECKING:
    from ...load.measure import Moment
    from ...load.origin import Origin
    from ...load.report import Report
    from ...load.target import Bound, Target

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
InCluster = Annotated[
    str | None, typer.Option("--in-cluster", metavar="", help="workers in the cluster send them, each its share of the rate")
]
Workers = Annotated[
    str | None, typer.Option("--workers", metavar="N", help="with --in-cluster: so many; default: 1", show_default=False)
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="IMAGE", help="with --in-cluster: rollway's own; default: ROLLWAY_IMAGE", show_default=False),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NAME",
        envvar="ROLLWAY_NAMESPACE",
        help="of the workers; default: the context's",
        autocompletion=completion.namespaces,
    ),
]
NOBODY_LEFT = 4
"""The exit code where no worker was there to the end."""
Every = Annotated[str, typer.Option("--every", metavar="DURATION", help="between two lines, where there is no terminal")]


@dataclass(frozen=True)
class Requests:
    """What is sent, and what is a good answer."""

    keep_alive: KeepAlive = False
    method: Method = "GET"
    header: Headers = None
    body: Body = None
    host: Host = None
    expect: Expect = "2xx,3xx"
    timeout: RequestTimeout = "5s"
    insecure: Insecure = False
    version_header: VersionHeader = ""

    def target(self, url: str) -> Target:
        from ...load.target import Expected, Target

        with of_flag("--expect", self.expect):
            expected = Expected.of(self.expect)
        return Target.of(
            url, method=self.method, headers=self.header or (), body=_body(self.body), host=self.host or "", expected=expected,
            timeout_s=given.duration(self.timeout) or 0.0, keeps_alive=self.keep_alive, is_insecure=self.insecure,
            version_header=self.version_header,
        )  # fmt: skip


@dataclass(frozen=True)
class Place(Where):
    """Where workers are."""

    namespace: Namespace = None


@dataclass(frozen=True)
class Inside:
    """Whether workers in the cluster send them, and which."""

    in_cluster: InCluster = None
    workers: Workers = None
    image: Image = None

    def refuse(self, where: Where) -> None:
        """Raises BadInput for flags that say nothing together."""
        if self.in_cluster not in (None, given.JOB):
            raise BadInput(f"--in-cluster={self.in_cluster}: a probe has no other way than --in-cluster")
        if self.in_cluster:
            return
        flags = {
            "--workers": self.workers,
            "--image": self.image,
            "--context": where.context if where.context != os.environ.get("ROLLWAY_CONTEXT") else None,
            "-n": where.namespace if where.namespace != os.environ.get("ROLLWAY_NAMESPACE") else None,
            "--sandbox": where.is_sandbox and not os.environ.get("ROLLWAY_SANDBOX"),
        }
        for flag in (flag for flag, value in flags.items() if value):
            raise BadInput(
                f"{flag} goes with --in-cluster: without it this machine sends, and asks no cluster",
                hint=f"add --in-cluster, or leave {flag} out",
            )

    def count(self, rate: float) -> int:
        from ...load.share import workers_of

        text = self.workers or "1"
        with of_flag("--workers", text):
            if not (text.isascii() and text.isdigit()) or len(text) > 9:
                raise BadInput("not a number of workers")
            return workers_of(int(text), rate)


@verb(
    ("deploy probe http://shop.example.com/ --rate 40 --duration 60s", "a minute"),
    ("deploy probe http://127.0.0.1:8080/ --max-lost 0", "until Ctrl-C; exit code 1 at a loss"),
    ("deploy probe http://shop.prod/ --in-cluster --workers 4 --rate 2000", "by four pods, to a Service"),
)
def probe(
    url: Url,
    requests: Requests,
    inside: Inside,
    screen: Screen,
    where: Place,
    rate: Rate = "40",
    duration: Duration = None,
    max_lost: MaxLost = None,
    wait: Wait = None,
    every: Every = "5s",
) -> int:
    """Requests at a constant rate, and what became of them.

    Asks no cluster, but with --in-cluster: pods send them then, which end with this command.

    They are sent when they are due, however long the answers take. Ctrl-C ends it with the figures so far.
    """
    from ...load.target import rate_of

    inside.refuse(where)
    session, target = screen.session(), requests.target(url)
    with of_flag("--rate", rate):
        a_second = rate_of(rate)
    how = Duty(given.duration(duration, "--duration"), given.duration(wait, "--wait"), given.duration(every, "--every") or 0.0)
    bound = bound_of(max_lost)
    if inside.in_cluster:
        return _from_inside(session, inside, where, target, a_second, how, bound)
    try:
        from ...load.origin import Here

        report: Report = session.surroundings.run(_measured(Here(target, a_second), how))
    finally:
        session.view.close()
    return _shown(session, target, report, bound)


@dataclass(frozen=True)
class Duty:
    """How long, in seconds."""

    seconds: float | None
    wait_s: float | None
    every_s: float


def _from_inside(
    session: Session, inside: Inside, where: Where, target: Target, rate: float, how: Duty, bound: Bound | None
) -> int:
    from ..incluster import checked_image

    count, image = inside.count(rate), checked_image(inside.image, "sends requests", "by --image")

    async def use_case(connected: Connected) -> int:
        from ...cluster.who import this_person
        from ...ship.workerjob import Crew
        from ...ship.workers import Workers as Sent

        crew = Crew(where.namespace or connected.namespace or "default", image, count, this_person())
        origin = Sent(connected.cluster, target, rate, crew, session.view.note)
        report = await _measured(origin, how)
        return _shown(session, target, report, bound) or (NOBODY_LEFT if origin.is_over else 0)

    return session.with_cluster(where, use_case)


async def _measured(origin: Origin, how: Duty) -> Report:
    import asyncio

    from ...load.measure import measure
    from ..views.probe_text import moment_line
    from ..views.ticker import Ticker

    ticker = Ticker(how.every_s)

    def tell(moment: Moment) -> None:
        ticker.tell(moment.seconds, moment_line(moment, how.seconds))

    try:
        await origin.open()
        return await measure(origin, how.seconds, wait_s=how.wait_s, tell=tell)
    except asyncio.CancelledError as cancelled:
        raise asyncio.CancelledError("stopped before anything was measured", "") from cancelled
    finally:
        await origin.close()
        ticker.close()


def _shown(session: Session, target: Target, report: Report, bound: Bound | None) -> int:
    from ..views.paint import Paint, is_lively
    from ..views.probe_text import probe_document, probe_lines

    lines = probe_lines(target, report, bound, Paint(is_lively(sys.stdout)))
    session.view.document(probe_document(target.url, report, bound), "\n".join(lines))
    return 1 if bound is not None and bound.is_exceeded_by(report.lost, report.good + report.lost, is_over=True) else 0


def _body(text: str | None) -> bytes:
    if text is None or not text.startswith("@"):
        return (text or "").encode()
    from ...release.reading import PIPE, is_pipe

    try:
        if is_pipe(text[1:]):
            raise BadInput(f"--body {text}: {PIPE}")
        with open(text[1:], "rb") as file:
            return file.read()
    except OSError as error:
        raise BadInput(f"--body {text}: the file cannot be read: {error.strerror}") from error
