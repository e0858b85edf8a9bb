"""Runs a composite action's steps as a runner of GitHub Actions would, as far as ours use it.

Expressions are `inputs.x`, `steps.id.outputs.y`, literals, `==`, `!=`, `&&`, `||`, parentheses, and the status functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from job import Ended, Site

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_WORD = re.compile(r"inputs\.[\w-]+|steps\.[\w-]+\.outputs\.[\w-]+")
_STATUS = re.compile(r"\b(success|failure|always|cancelled)\(\)")


@dataclass
class Job:
    """How a run of an action ended. `ran` holds the name of each step that ran and its exit code."""

    ran: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    used: list[dict[str, Any]] = field(default_factory=list)
    log: str = ""
    summary: str = ""

    @property
    def code(self) -> int:
        """That of the first step that failed."""
        return next((code for code in self.ran.values() if code), 0)


class Composite:
    def __init__(self, action: Path) -> None:
        self.path = action.parent
        self.action = yaml.safe_load(action.read_text())

    def run(self, site: Site, **given: str) -> Job:
        """Every step in its order, on a checkout. `given` are the inputs, `_` for `-`."""
        defaults = {name: str(each.get("default", "")) for name, each in self.action["inputs"].items()}
        inputs = defaults | {name.replace("_", "-"): value for name, value in given.items()}
        known = {f"inputs.{name}": value for name, value in inputs.items()}
        job = Job()
        for number, step in enumerate(self.action["runs"]["steps"]):
            if not is_true(step.get("if", "success()"), known, is_failed=job.code != 0):
                continue
            if "uses" in step:
                job.used.append({name: filled(str(value), known) for name, value in step["with"].items()})
                continue
            ended, outputs = self._step(site, step, number, known, job)
            job.ran[step["name"]] = ended.code
            job.log += ended.out + ended.err
            if "id" in step:
                known |= {f"steps.{step['id']}.outputs.{name}": value for name, value in outputs.items()}
        job.outputs = {name: filled(each["value"], known) for name, each in self.action["outputs"].items()}
        return job

    def _step(
        self, site: Site, step: dict[str, Any], number: int, known: dict[str, str], job: Job
    ) -> tuple[Ended, dict[str, str]]:
        temp = site.folder.parent / "runner"
        temp.mkdir(exist_ok=True)
        script, output, summary = (temp / f"{name}-{number}" for name in ("script", "output", "summary"))
        script.write_text(filled(step["run"], known))
        for path in (output, summary):
            path.write_text("")
        environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.path),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(site.folder),
            "RUNNER_TEMP": str(temp),
            **{name: filled(str(value), known) for name, value in step.get("env", {}).items()},
        }
        ended = site.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], **environment)
        job.summary += summary.read_text()
        return ended, dict(line.split("=", 1) for line in output.read_text().splitlines())


def filled(text: str, known: dict[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: known.get(found[1].strip(), ""), text)


def is_true(condition: str, known: dict[str, str], *, is_failed: bool) -> bool:
    """A step's `if`. Without a status function in it, it holds only while nothing has failed."""
    bare = condition.strip().removeprefix("${{").removesuffix("}}")
    states = {"success": not is_failed, "failure": is_failed, "always": True, "cancelled": False}
    python = bare.replace("&&", " and ").replace("||", " or ")
    python = _WORD.sub(lambda found: repr(known.get(found[0], "")), python)
    python = _STATUS.sub(lambda found: str(states[found[1]]), python).strip()
    holds = bool(eval(python, {"__builtins__": {}}))
    return holds if _STATUS.search(bare) else holds and not is_failed
