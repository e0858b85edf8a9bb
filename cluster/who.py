"""Who acts, in words that a colleague understands: for the history."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path

MOST = 120
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def this_person(environment: Mapping[str, str] = os.environ, pod_namespace: Path = POD_NAMESPACE) -> str:
    """`alice@laptop`; in a pipeline its run, in a cluster the pod."""
    return _plain(_github(environment) or _gitlab(environment) or _pod(pod_namespace) or user_here(environment))


def _github(env: Mapping[str, str]) -> str:
    if not env.get("GITHUB_RUN_ID"):
        return ""
    run = f"GitHub {env.get('GITHUB_REPOSITORY', '')} run {env['GITHUB_RUN_ID']}"
    return _within(env.get("GITHUB_TRIGGERING_ACTOR") or env.get("GITHUB_ACTOR", ""), run)


def _gitlab(env: Mapping[str, str]) -> str:
    if not env.get("CI_PIPELINE_ID"):
        return ""
    job = f" job {env['CI_JOB_ID']}" if env.get("CI_JOB_ID") else ""
    return _within(
        env.get("GITLAB_USER_LOGIN", ""), f"GitLab {env.get('CI_PROJECT_PATH', '')} pipeline {env['CI_PIPELINE_ID']}{job}"
    )


def _pod(namespace: Path) -> str:
    try:
        return f"pod {socket.gethostname()} of namespace {namespace.read_text().strip()}"
    except OSError:
        return ""


def user_here(env: Mapping[str, str] = os.environ) -> str:
    """`alice@laptop`"""
    try:
        user = env.get("USER") or env.get("LOGNAME") or getpass.getuser()
    except (OSError, KeyError):
        user = "somebody"  # a user id that no account has, as in many containers
    return f"{user}@{socket.gethostname()}"


def _within(user: str, run: str) -> str:
    return f"{user} ({run})" if user else run


def _plain(text: str) -> str:
    """On one line: it comes from outside."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:MOST]
