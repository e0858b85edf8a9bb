"""Who acts, in words that a colleague understands: for the history."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

MOST = 120
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class _System(NamedTuple):
    """A pipeline system: there where `sign` is set. `place` and `users` are variables, of which the first that is set counts;
    `run` has words, each with the variable that follows it."""

    name: str
    sign: str
    place: tuple[str, ...]
    run: tuple[tuple[str, str], ...]
    users: tuple[str, ...] = ()

    def told(self, env: Mapping[str, str]) -> str:
        """`alice (GitHub acme/shop run 77)`; empty where this is not the system."""
        if not env.get(self.sign):
            return ""
        words = [f"{word} {env[variable]}" for word, variable in self.run if env.get(variable)]
        run = " ".join([self.name, _first(env, self.place), *words])
        user = _first(env, self.users)
        return f"{user} ({run})" if user else run


_SYSTEMS = (
    _System(
        "GitHub", "GITHUB_RUN_ID", ("GITHUB_REPOSITORY",), (("run", "GITHUB_RUN_ID"),),
        ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"),
    ),
    _System(
        "GitLab", "CI_PIPELINE_ID", ("CI_PROJECT_PATH",), (("pipeline", "CI_PIPELINE_ID"), ("job", "CI_JOB_ID")),
        ("GITLAB_USER_LOGIN",),
    ),
    _System("Jenkins", "JENKINS_URL", ("JOB_NAME",), (("build", "BUILD_NUMBER"),), ("BUILD_USER_ID",)),
    _System("Azure", "TF_BUILD", ("BUILD_REPOSITORY_NAME",), (("build", "BUILD_BUILDID"),), ("BUILD_REQUESTEDFOR",)),
    _System("Bitbucket", "BITBUCKET_BUILD_NUMBER", ("BITBUCKET_REPO_FULL_NAME",), (("build", "BITBUCKET_BUILD_NUMBER"),)),
    _System("CircleCI", "CIRCLECI", ("CIRCLE_PROJECT_REPONAME",), (("build", "CIRCLE_BUILD_NUM"),), ("CIRCLE_USERNAME",)),
    _System(
        "Buildkite", "BUILDKITE", ("BUILDKITE_PIPELINE_SLUG",), (("build", "BUILDKITE_BUILD_NUMBER"),),
        ("BUILDKITE_BUILD_CREATOR",),
    ),
)  # fmt: skip


def this_person(environment: Mapping[str, str] = os.environ, pod_namespace: Path = POD_NAMESPACE) -> str:
    """`alice@laptop`; in a pipeline its run, in a cluster the pod."""
    told = next((told for system in _SYSTEMS if (told := system.told(environment))), "")
    return _plain(told or _pod(pod_namespace) or user_here(environment))


def _first(env: Mapping[str, str], variables: tuple[str, ...]) -> str:
    return next((env[variable] for variable in variables if env.get(variable)), "")


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


def _plain(text: str) -> str:
    """On one line: it comes from outside."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:MOST]
