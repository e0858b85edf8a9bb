"""`deploy probe`: requests at a constant rate, and what became of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from .. import options as given
from ..probing import HEADER, bound_of, of_flag
from ..session import Screen, Session
from ..verb import verb

if TYPE_CHECKING:
    from ...load.measure import Moment
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


@verb(
    ("deploy probe http://shop.example.com/ --rate 40 --duration 60s", "a minute"),
    ("deploy probe http://127.0.0.1:8080/ --max-lost 0", "until Ctrl-C; exit code 1 at a loss"),
)
def probe(
    url: Url,
    requests: Requests,
    screen: Screen,
    rate: Rate = "40",
    duration: Duration = None,
    max_lost: MaxLost = None,
    wait: Wait = None,
    every: Every = "5s",
) -> int:
    """Requests at a constant rate, and what became of them.

    Asks no cluster.

    They are sent when they are due, however long the answers take. Ctrl-C ends it with the figures so far.
    """
    from ...load.target import rate_of

    session, target = screen.session(), requests.target(url)
    with of_flag("--rate", rate):
        a_second = rate_of(rate)
    seconds, wait_s = given.duration(duration, "--duration"), given.duration(wait, "--wait")
    ticker_s, bound = given.duration(every, "--every") or 0.0, bound_of(max_lost)
    try:
        report: Report = session.surroundings.run(_measured(target, a_second, seconds, wait_s, ticker_s))
    finally:
        session.view.close()
    return _shown(session, target, report, bound)


async def _measured(target: Target, rate: float, seconds: float | None, wait_s: float | None, every_s: float) -> Report:
    from ...load.measure import measure
    from ...load.origin import Here
    from ..views.probe_text import moment_line
    from ..views.ticker import Ticker

    ticker = Ticker(every_s)

    def tell(moment: Moment) -> None:
        ticker.tell(moment.seconds, moment_line(moment, seconds))

    try:
        return await measure(Here(target, rate), seconds, wait_s=wait_s, tell=tell)
    finally:
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
    try:
        with open(text[1:], "rb") as file:
            return file.read()
    except OSError as error:
        raise BadInput(f"--body {text}: the file cannot be read: {error.strerror}") from error
