"""What users of other tools try, and what it is called here."""

from __future__ import annotations

VERBS = {
    **dict.fromkeys(("undo", "abort", "cancel", "revert", "back"), "deploy rollback"),
    **dict.fromkeys(("release", "ship", "upgrade", "install", "rollout", "run", "start", "deploy"), "deploy apply"),
    **dict.fromkeys(("continue", "resume", "next", "approve", "finish"), "deploy promote"),
    **dict.fromkeys(("diff", "preview", "dry-run"), "deploy plan"),
    **dict.fromkeys(("lint", "validate", "verify"), "deploy check"),
    **dict.fromkeys(("get", "describe", "info"), "deploy status"),
    **dict.fromkeys(("ls", "ps", "apps"), "deploy list"),
    **dict.fromkeys(("follow", "top", "tail"), "deploy watch"),
    **dict.fromkeys(("log", "logs", "revisions"), "deploy history"),
    **dict.fromkeys(("template", "manifests"), "deploy render"),
}
STRATEGIES = {
    **dict.fromkeys(("rolling", "rolling-update", "rollingupdate", "rolling_update"), "ramped"),
    **dict.fromkeys(("a/b", "ab-test", "abtest", "ab-testing"), "ab"),
    **dict.fromkeys(("blue/green", "red-black"), "blue-green"),
}
OPTIONS = {
    "--dry-run": "`deploy plan` shows what would be done, and changes nothing",
    "--diff": "`deploy plan` shows it",
    **dict.fromkeys(("--watch", "-w", "--follow"), "`deploy watch` looks on, `deploy wait` waits for a phase"),
    "--wait": "apply, promote and rollback wait by themselves; --timeout bounds that",
    "--no-wait": "apply, promote and rollback always wait; --timeout bounds that",
    "--tag": "write it as --image :TAG",
    "--strategy": "name it as a word: deploy apply canary",
    "--weight": "write it as --to 50%",
    **dict.fromkeys(("--yes", "-y"), "nothing is asked: leave it out"),
    "--revision": "write it as --to-revision N",
    "--abort": "`deploy rollback`",
    "--undo": "`deploy rollback`",
}


def of_strategy(word: str) -> str:
    found = STRATEGIES.get(word.lower())
    return f"it is called {found} here" if found else ""


def of_verb(word: str) -> str:
    found = VERBS.get(word.lower())
    return f"it is called `{found}` here" if found else ""
