"""What users of other tools try, and what it is called here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..release import aliases

VERBS = {
    **dict.fromkeys(("undo", "abort", "cancel", "revert", "back"), "deploy rollback"),
    **dict.fromkeys(
        ("release", "ship", "upgrade", "install", "rollout", "run", "start", "deploy", "update", "up"), "deploy apply"
    ),
    **dict.fromkeys(("continue", "resume", "next", "approve", "finish", "unpause"), "deploy promote"),
    **dict.fromkeys(("diff", "preview", "dry-run"), "deploy plan"),
    **dict.fromkeys(("lint", "validate", "verify"), "deploy check"),
    **dict.fromkeys(("get", "describe", "info"), "deploy status"),
    **dict.fromkeys(("ls", "ps", "apps"), "deploy list"),
    **dict.fromkeys(("follow", "top", "tail"), "deploy watch"),
    **dict.fromkeys(("log", "logs", "revisions", "releases"), "deploy history"),
    **dict.fromkeys(("template", "manifests"), "deploy render"),
}
SANDBOX = {
    **dict.fromkeys(("start", "create", "run", "open"), "deploy sandbox up"),
    **dict.fromkeys(("stop", "halt", "kill", "close"), "deploy sandbox down"),
    **dict.fromkeys(("delete", "destroy", "remove", "clean", "wipe", "prune"), "deploy sandbox reset"),
    **dict.fromkeys(("get", "describe", "info", "ps", "list", "ls"), "deploy sandbox status"),
    "config": "deploy sandbox kubeconfig",
}
ROLLOUT = {"status": "deploy status", "history": "deploy history", "undo": "deploy rollback", "resume": "deploy promote"}
"""What `kubectl rollout` calls what."""
NOWHERE = {
    **dict.fromkeys(
        ("delete", "destroy", "uninstall", "remove", "rm", "down"),
        "nothing here takes an application away: `kubectl delete -f` does; `apply --prune` takes what has left the manifests",
    ),
    **dict.fromkeys(("pause", "hold"), "`deploy apply --to 50%` stops at a share; a canary pauses by its own steps"),
    **dict.fromkeys(("rolling", "rolling-update"), "`deploy apply ramped` replaces pods one after the other"),
    **dict.fromkeys(("completion", "completions"), "`deploy --install-completion bash` makes words complete"),
    "restart": "`kubectl rollout restart` does that",
    **dict.fromkeys(("retry", "rerun", "again"), "the same command again goes on where it was cut off"),
    "scale": "`kubectl scale` does that; what is to last is `replicas` in the manifests",
    **dict.fromkeys(("set", "image", "set-image"), "a new version is `deploy apply --image :TAG`"),
}
OPTIONS = {
    "--dry-run": "`deploy plan` shows what would be done, and changes nothing",
    "--diff": "`deploy plan` shows it",
    **dict.fromkeys(("--watch", "-w", "--follow"), "`deploy watch` looks on, `deploy wait` waits for a phase"),
    "--wait": "apply, promote and rollback wait by themselves; --timeout bounds that",
    "--no-wait": "apply, promote and rollback always wait; --timeout bounds that",
    "--tag": "write it as --image :TAG",
    **{f"--{name}": f"name it as a word: deploy apply {name}" for name in ("recreate", "ramped", "blue-green", "canary", "ab")},
    "--version": "a new version is --image :TAG; `deploy version` says rollway's own",
    "--strategy": "name it as a word, deploy apply canary, or in the release file: strategy: canary",
    "--weight": "write it as --to 50%",
    **dict.fromkeys(("--yes", "-y"), "nothing is asked: leave it out"),
    "--revision": "write it as --to-revision N",
    "--abort": "`deploy rollback`",
    "--undo": "`deploy rollback`",
}


def of_strategy(word: str) -> str:
    return aliases.of_strategy(word) or of_argument(word)


def of_argument(word: str) -> str:
    """Of a word that is no name of anything: a share, or an image."""
    if re.fullmatch(r"\d{1,3}%", word):
        return f"write it as --to {word}"
    if re.fullmatch(r"v?\d+(\.\d+)+\S*", word):
        return f"a version is released by --image :{word}, and gone back to by --to-revision N: `deploy history` has the numbers"
    if word.endswith((".yaml", ".yml")):
        return f"a release file is named with -f {word}"
    return f"write it as --image {word}" if re.fullmatch(r"[\w./:-]*:[\w.-]+", word) else ""


def of_number(word: str) -> str:
    """The same of what is a number alone, where no application may be called so."""
    return f"write it as --to {word}%" if re.fullmatch(r"\d{1,2}|100", word) else ""


def of_verb(words: Sequence[str], group: str) -> str:
    """Of a line that begins with no verb of `group`: `deploy`, or `deploy sandbox`."""
    word, following = words[0].lower(), words[1].lower() if len(words) > 1 else ""
    if group != "deploy":
        found = SANDBOX.get(word)
    elif word == "rollout" and following in ROLLOUT:
        found = ROLLOUT[following]
    elif word in NOWHERE or (word == "rollout" and following in NOWHERE):
        return NOWHERE.get(word) or NOWHERE[following]
    else:
        found = VERBS.get(word)
    return f"it is called `{found}` here" if found else ""
