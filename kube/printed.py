"""Words and numbers as kubectl prints them: what its users know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .clock import parse_timestamp
from .objects import Obj, get


def age(since: str | None, now: datetime) -> str:
    """As kubectl counts: 12s, 3m5s, 4h, 2d3h."""
    if not since:
        return "<unknown>"
    seconds = max(int((now - parse_timestamp(since)).total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def pod_status(pod: Obj) -> str:
    """The word in the STATUS column."""
    status = pod.get("status") or {}
    word = status.get("reason") or status.get("phase") or "Unknown"
    states = status.get("containerStatuses") or []
    for state in reversed(states):
        waiting, ended = get(state, "state", "waiting", "reason"), get(state, "state", "terminated")
        if waiting:
            word = waiting
        elif ended is not None:
            word = ended.get("reason") or f"ExitCode:{ended.get('exitCode', 0)}"
    if word == "Completed" and any(state.get("ready") and "running" in state.get("state", {}) for state in states):
        is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
        word = "Running" if is_ready else "NotReady"
    return "Terminating" if "deletionTimestamp" in pod["metadata"] else str(word)


def labels_text(labels: Mapping[str, Any], sign: str = "=") -> str:
    """Labels, or a Service's selector: `app=demo, tier=web`; by ": " as YAML has them."""
    return ", ".join(f"{key}{sign}{value}" for key, value in labels.items())


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector in the notation of queries: `app=demo,tier in (a,b)`."""
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for term in selector.get("matchExpressions") or ():
        key, values = term["key"], ",".join(sorted(term.get("values") or ()))
        text = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }[term["operator"]]
        terms.append((key, text))
    return ",".join(text for _, text in sorted(terms))
