"""`deploy sandbox …`: the embedded cluster in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput, Unreachable
from .. import options as given
from ..session import Screen
from ..verb import Verb, flat, verb
from ..views.traffic_text import reached, traffic_lines

if TYPE_CHECKING:
    from ...sandbox.durations import Lag

EndpointLag = Annotated[
    str | None,
    typer.Option("--endpoint-lag", metavar="DURATION", help="how far the proxy is behind the API: 500ms, or 0.2s..1s; 0: not"),
]
LbLag = Annotated[
    str | None,
    typer.Option(
        "--lb-lag",
        metavar="DURATION",
        help="a cloud load balancer for Ingresses that takes so long to register and deregister a pod; 0: none",
    ),
]
LbLeaveLag = Annotated[
    str | None,
    typer.Option("--lb-leave-lag", metavar="DURATION", help="how long it takes to deregister one; default: as --lb-lag"),
]
IngressPort = Annotated[
    str | None,
    typer.Option(
        "--ingress-port",
        metavar="PORT",
        help="where Ingresses and Gateways are reached, on 127.0.0.1; 0: any; default: 8080, if it is free",
        show_default=False,
    ),
]
Processes = Annotated[
    bool | None,
    typer.Option(
        "--processes/--no-processes",
        help="whether pods whose command this machine has are run, with your rights; default: they are",
        show_default=False,
    ),
]
Nodes = Annotated[
    int | None,
    typer.Option(
        "--nodes", metavar="N", min=1, max=100, show_default=False,
        help="how many nodes; default: one that never runs out. Several have 8 CPUs and 32Gi each, and are full when they are",
    ),
]  # fmt: skip


@verb()
def up(
    screen: Screen,
    endpoint_lag: EndpointLag = None,
    lb_lag: LbLag = None,
    lb_leave_lag: LbLeaveLag = None,
    ingress_port: IngressPort = None,
    processes: Processes = None,
    nodes: Nodes = None,
) -> int:
    """Starts it in the background, with all that it knew before.

    Options are kept until they are given anew; a sandbox that runs takes them up. Where ROLLWAY_SANDBOX_LIFELINE names a pipe
    (mkfifo) that somebody holds open for writing, it ends when they are gone, as with a job of CI that was killed.
    """
    from ...sandbox import daemon
    from ...sandbox.dataplane import traffic

    session = screen.session()
    endpoint = daemon.up(
        daemon.default_state_dir(),
        endpoint_lag=_lag(endpoint_lag, "--endpoint-lag"),
        lb_lag=_lag(lb_lag, "--lb-lag"),
        lb_leave_lag=_lag(lb_leave_lag, "--lb-leave-lag"),
        ingress_port=_port(ingress_port),
        processes=processes,
        nodes=nodes,
    )
    standing = traffic.standing(daemon.default_state_dir())
    if "missing" in standing:
        session.view.note(standing["missing"])
    text = f"the sandbox is up at {endpoint.url} · kubectl: export KUBECONFIG={endpoint.kubeconfig}"
    session.view.document({"isRunning": True, "url": endpoint.url, "kubeconfig": str(endpoint.kubeconfig)}, text)
    return 0


def _lag(text: str | None, option: str) -> Lag | None:
    from ...sandbox.durations import Lag

    try:
        return Lag.parse(text) if text is not None else None
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from error


def _port(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and int(text[:6]) < 65536):
        raise BadInput(f"--ingress-port {text}: not a port, from 0 to 65535")
    return int(text) if text is not None else None


@verb()
def down(screen: Screen) -> int:
    """Stops it; what it knows stays on disk."""
    from ...sandbox import daemon

    session = screen.session()
    was_running = daemon.down(daemon.default_state_dir())
    text = "the sandbox is down; what it knows stays on disk" if was_running else "the sandbox was not running"
    session.view.document({"isRunning": False, "wasRunning": was_running}, text)
    return 0


@verb()
def status(screen: Screen) -> int:
    """Whether it runs, and where what is in it is reached."""
    from ...sandbox import daemon
    from ...sandbox.dataplane import traffic

    session = screen.session()
    state_dir = daemon.default_state_dir()
    found = daemon.status(state_dir)
    data = {"isRunning": found.is_running, "pid": found.pid, "url": found.url, "stateDir": str(found.state_dir)}
    if not found.is_running:
        session.view.document(data, "the sandbox is not running · start it: deploy sandbox up")
        return 0
    data["podProcesses"] = found.processes
    standing = traffic.standing(state_dir)
    pods = "pods are only modelled" if found.processes is None else f"processes of pods: {found.processes}"
    up_text = f"the sandbox is up at {found.url} · process {found.pid} · state in {found.state_dir}"
    session.view.document(data | {"dataPlane": standing}, "\n".join([up_text, pods, *traffic_lines(standing)]))
    return 0


@verb()
def url(
    screen: Screen,
    name: Annotated[
        str | None,
        typer.Argument(metavar="SERVICE|HOST", help="a Service (also NAMESPACE/NAME), or an Ingress' or Gateway's host"),
    ] = None,
    namespace: given.Namespace = None,
) -> int:
    """Where this machine reaches a Service or a host.

    A host is that of an Ingress or a Gateway.
    """
    from ...sandbox import daemon
    from ...sandbox.dataplane import traffic

    session = screen.session()
    state_dir = daemon.default_state_dir()
    if not daemon.status(state_dir).is_running:
        raise Unreachable("the sandbox is not running", hint="deploy sandbox up")
    standing = traffic.standing(state_dir)
    if "missing" in standing:
        raise Unreachable(standing["missing"])
    rows = reached(standing, name, namespace)
    for hint in dict.fromkeys(row["hint"] for row in rows if row.get("hint")):
        session.view.note(hint)
    text = "\n".join(row["url"] for row in rows) if name else "\n".join(traffic_lines(standing))
    session.view.document({"urls": rows}, text)
    return 0


@verb()
def reset(screen: Screen) -> int:
    """Forgets everything in it."""
    from ...sandbox import daemon

    session = screen.session()
    endpoint = daemon.reset(daemon.default_state_dir())
    text = "the sandbox is empty" + (f" and up at {endpoint.url}" if endpoint else ", and not running")
    session.view.document({"isRunning": endpoint is not None, "url": endpoint.url if endpoint else ""}, text)
    return 0


@verb()
def kubeconfig(screen: Screen) -> int:
    """The path of its kubeconfig.

    For kubectl and others: export KUBECONFIG=$(deploy sandbox kubeconfig). deploy itself treats it as --sandbox then: namespaces
    that are not there are made.
    """
    from ...sandbox import daemon

    session = screen.session()
    state_dir = daemon.default_state_dir()
    path = daemon.kubeconfig_path(state_dir)
    if not path.exists():
        raise Unreachable("the sandbox has never been up: it has no kubeconfig yet", hint="deploy sandbox up")
    session.view.document({"kubeconfig": str(path)}, str(path))
    return 0


VERBS: tuple[Verb, ...] = (up, down, status, url, reset, kubeconfig)
app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The embedded cluster: no Docker, no network, real behaviour."
)
for each in VERBS:
    app.command()(flat(each.run))
