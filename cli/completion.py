"""`--install-completion` and `--show-completion`, for the shell that is named, else for the one that runs us; and the words that
only the cluster knows."""

from __future__ import annotations

import os
import shlex
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from ..errors import BadInput
from ..strategies import NAMES

if TYPE_CHECKING:
    from ..cluster.port import Cluster

INSTALL, SHOW = "--install-completion", "--show-completion"
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
VARIABLE = "_DEPLOY_COMPLETE"
HELP = f"{INSTALL} [SHELL] and {SHOW} [SHELL] complete words: {', '.join(SHELLS)}."


def is_asked(words: Sequence[str]) -> bool:
    return bool(words) and words[0].partition("=")[0] in (INSTALL, SHOW)


def prepare() -> None:
    """For a shell that asks how a word may go on."""
    if VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()


def asked_about() -> list[str]:
    """The words of the line of which a shell asks how it may go on, as they stand there, without the program's name; the last may
    be half of one."""
    if VARIABLE not in os.environ:
        return []
    return (os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS") or "").split()[1:]


def complete(words: Sequence[str]) -> int:
    """Raises BadInput for a shell that is not known."""
    from typer._completion_shared import install

    option, _, attached = words[0].partition("=")
    named = [attached, *words[1:]] if attached else [*words[1:]]
    shell = named[0] if named else _running()
    if shell not in SHELLS or len(named) > 1:
        raise BadInput(f"{option} {' '.join(named) or shell}: no such shell", hint=f"one of {', '.join(SHELLS)}")
    if option == SHOW:
        print(_script(shell))
        return 0
    try:
        _, path = install(shell=shell, prog_name="deploy", complete_var=VARIABLE)
        if shell == "zsh":
            path.write_text(_script(shell), encoding="utf-8")
    except OSError as error:
        where = f" to {error.filename}" if error.filename else ""
        raise BadInput(f"the completion cannot be written{where}: {error.strerror}", hint=f"{SHOW} {shell} shows it") from error
    print(f"{shell} completes `deploy` by {path}, from its next start on")
    return 0


ZSH_NOW = "[[ $funcstack[1] != _deploy ]] || _deploy_completion"
"""zsh reads what lies in its path of functions when TAB is first pressed. Typer's script then only makes itself known, and would
complete from the second time on."""


def _script(shell: str) -> str:
    from typer._completion_shared import get_completion_script

    text = get_completion_script(prog_name="deploy", complete_var=VARIABLE, shell=shell)
    return f"{text}\n{ZSH_NOW}" if shell == "zsh" else text


# words that need no cluster


def strategies(incomplete: str) -> list[str]:
    return [name for name in NAMES if name.startswith(incomplete)]


def strategies_and_rules(incomplete: str) -> list[str]:
    from ..preflight.rules import RULES

    return [*strategies(incomplete), *(rule.id for rule in RULES if incomplete and rule.id.startswith(incomplete))]


def outputs(*known: str) -> Callable[[str], list[str]]:
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


def contexts(incomplete: str) -> list[str]:
    """Of the kubeconfig's files; none of those that cannot be read."""
    from ..release.reading import read_text
    from ..release.yamlfile import documents

    found: dict[str, None] = {}
    for path in (os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")).split(os.pathsep):
        try:
            data = next(documents(read_text(path, path), path), None)
        except BadInput:
            continue
        listed = data.data.get("contexts") if data is not None and isinstance(data.data, dict) else None
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                found[each["name"]] = None
    return _offered(found, incomplete)


# words that a cluster knows

SHORTLY_S = 3.0
"""Somebody waits for the word, at every press of the key."""


def strategies_and_apps(ctx: typer.Context, incomplete: str) -> list[str]:
    return [*strategies(incomplete), *apps(ctx, incomplete)]


def apps(ctx: typer.Context, incomplete: str) -> list[str]:
    """What was released in the namespace that is named, else in the context's."""
    from ..cluster import history

    return _asked(ctx, incomplete, history.apps)


def namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    from ..kube.objects import NAMESPACE

    async def names(cluster: Cluster, _: str) -> list[str]:
        return [each["metadata"]["name"] for each in await cluster.list(NAMESPACE, "")]

    return _asked(ctx, incomplete, names)


def revisions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of the application that is named, else of the release file's, the newest first."""
    from ..cluster import history
    from ..release.load import called
    from .options import DEFAULT_FILE

    # an option without its value, as this one still is, leaves the arguments before it where they are
    words = [*ctx.args, *(ctx.params.get(f"subject_{key}") for key in ("second", "first", "app"))]
    files = ctx.params.get("subject_files") or [os.environ.get("ROLLWAY_FILE") or DEFAULT_FILE]
    named, place = called(str(files[0]))
    app = next((str(word) for word in words if word and word not in NAMES), named)

    async def numbers(cluster: Cluster, namespace: str) -> list[str]:
        found = await history.load(cluster, app or "", namespace)
        return [str(revision.number) for revision in reversed(found)]

    return _asked(ctx, incomplete, numbers, place if app == named else None) if app else []


def _asked(
    ctx: typer.Context, incomplete: str, ask: Callable[[Cluster, str], Awaitable[list[str]]], place: str | None = None
) -> list[str]:
    """What the cluster of the line's flags answers for their namespace, else for `place`, else for the context's. Nothing where
    it does not say so shortly: a shell that completes has no place for an error."""
    import asyncio

    from ..errors import RollwayError
    from .context import Surroundings
    from .options import Where

    surroundings = ctx.find_object(Surroundings) or Surroundings()
    words = {key: ctx.params.get(f"where_{key}") for key in ("context", "namespace")}

    async def answered() -> list[str]:
        where = Where(**words, is_sandbox=bool(ctx.params.get("where_is_sandbox")))
        async with surroundings.connect(where, lambda note: None) as found:
            return await ask(found.cluster, where.namespace or place or found.namespace or "default")

    try:
        found: list[str] = surroundings.run(asyncio.wait_for(answered(), SHORTLY_S))
    except (RollwayError, OSError, TimeoutError):
        return []
    return _offered(found, incomplete)


def _offered(names: Iterable[str], incomplete: str) -> list[str]:
    """Of names that others chose, those that are plain words to every shell: they end up in its line unquoted, and zsh evaluates
    them before that."""
    return [name for name in names if name.startswith(incomplete) and shlex.quote(name) == name]


def _running() -> str:
    try:
        import shellingham  # type: ignore[import-untyped]  # comes with Typer

        return str(shellingham.detect_shell()[0])
    except (ImportError, RuntimeError):
        return os.path.basename(os.environ.get("SHELL", ""))
