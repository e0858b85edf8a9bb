"""`deploy sandbox …`: the embedded cluster in the background."""

from __future__ import annotations

import typer

from ..errors import Unreachable
from . import options as given
from .session import Session

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The embedded cluster: no Docker, no network, real behaviour."
)


@app.command()
def up(ctx: typer.Context, output: given.Output = "text") -> int:
    """Starts it in the background, with all that it knew before."""
    from ..sandbox import daemon

    session = Session.of(ctx, given.output(output))
    endpoint = daemon.up(daemon.default_state_dir())
    text = f"the sandbox is up at {endpoint.url} · kubectl: export KUBECONFIG={endpoint.kubeconfig}"
    session.view.document({"isRunning": True, "url": endpoint.url, "kubeconfig": str(endpoint.kubeconfig)}, text)
    return 0


@app.command()
def down(ctx: typer.Context, output: given.Output = "text") -> int:
    """Stops it; what it knows stays on disk."""
    from ..sandbox import daemon

    session = Session.of(ctx, given.output(output))
    was_running = daemon.down(daemon.default_state_dir())
    text = "the sandbox is down; what it knows stays on disk" if was_running else "the sandbox was not running"
    session.view.document({"isRunning": False, "wasRunning": was_running}, text)
    return 0


@app.command()
def status(ctx: typer.Context, output: given.Output = "text") -> int:
    """Whether it runs, and where."""
    from ..sandbox import daemon

    session = Session.of(ctx, given.output(output))
    found = daemon.status(daemon.default_state_dir())
    data = {"isRunning": found.is_running, "pid": found.pid, "url": found.url, "stateDir": str(found.state_dir)}
    up_text = f"the sandbox is up at {found.url} · process {found.pid} · state in {found.state_dir}"
    session.view.document(data, up_text if found.is_running else "the sandbox is not running · start it: deploy sandbox up")
    return 0


@app.command()
def reset(ctx: typer.Context, output: given.Output = "text") -> int:
    """Forgets everything in it."""
    from ..sandbox import daemon

    session = Session.of(ctx, given.output(output))
    endpoint = daemon.reset(daemon.default_state_dir())
    text = "the sandbox is empty" + (f" and up at {endpoint.url}" if endpoint else ", and not running")
    session.view.document({"isRunning": endpoint is not None, "url": endpoint.url if endpoint else ""}, text)
    return 0


@app.command()
def kubeconfig(ctx: typer.Context, output: given.Output = "text") -> int:
    """The path of its kubeconfig.

    For kubectl and others: export KUBECONFIG=$(deploy sandbox kubeconfig)
    """
    from ..sandbox import daemon

    session = Session.of(ctx, given.output(output))
    state_dir = daemon.default_state_dir()
    path = daemon.kubeconfig_path(state_dir)
    if not path.exists():
        raise Unreachable("the sandbox has never been up: it has no kubeconfig yet", hint="deploy sandbox up")
    session.view.document({"kubeconfig": str(path)}, str(path))
    return 0
