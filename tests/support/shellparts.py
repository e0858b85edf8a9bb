"""The shell in examples/pipelines: each script of each system, by the name of its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from job import PIPELINES

_GROOVY = re.compile(r"'''(.*?)(?<!\\)'''|(?:\bsh\(?\s*|script: )'((?:[^'\\\n]|\\.)+)'", re.DOTALL)


def read(path: str) -> Any:
    return yaml.safe_load((PIPELINES / path).read_text())


def scripts() -> dict[str, str]:
    found = {"shell/release.sh": (PIPELINES / "shell" / "release.sh").read_text()}
    for step in read("github/action.yml")["runs"]["steps"]:
        if "run" in step:
            found[f"github/action.yml: {step['name']}"] = step["run"]
    for step in read("github/release.yml")["jobs"]["release"]["steps"]:
        if "run" in step:
            found[f"github/release.yml: {step['name']}"] = step["run"]
    for name, job in read("gitlab/rollway.gitlab-ci.yml").items():
        if "script" in job:
            found[f"gitlab: {name}"] = "\n".join(job["script"])
    for step in read("tekton/task.yaml")["spec"]["steps"]:
        found[f"tekton: {step['name']}"] = step["script"]
    for template in read("argo/workflow-template.yaml")["spec"]["templates"]:
        if "script" in template:
            found[f"argo: {template['name']}"] = template["script"]["source"]
    for number, script in enumerate(_groovy(PIPELINES / "jenkins" / "Jenkinsfile"), start=1):
        found[f"jenkins: {number}"] = script
    return found


def _groovy(path: Path) -> list[str]:
    """What stands in the single-quoted strings that `sh` runs, with Groovy's own escapes undone."""
    code = "\n".join(line for line in path.read_text().splitlines() if not line.strip().startswith("//"))
    return [re.sub(r"\\(.)", r"\1", long or short) for long, short in _GROOVY.findall(code)]
