"""What other tools call the strategies. By itself: a wrong word of a command line is told of at once."""

from __future__ import annotations

STRATEGIES = {
    **dict.fromkeys(("rolling", "rolling-update", "rollingupdate", "rolling_update"), "ramped"),
    **dict.fromkeys(("a/b", "ab-test", "abtest", "ab-testing"), "ab"),
    **dict.fromkeys(("blue/green", "red-black", "bluegreen", "blue_green", "bg", "b/g"), "blue-green"),
}


def of_strategy(word: str) -> str:
    """A hint at what it is called here; empty where it is called so nowhere."""
    found = STRATEGIES.get(word.lower())
    return f"it is called {found} here" if found else ""
