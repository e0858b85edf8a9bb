"""The examples as files: right by the schema of their system, their shell readable, nothing templated into a script."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from image import instructions
from job import PIPELINES, ROOT
from shellparts import read, scripts

SCHEMAS = Path(__file__).parent / "schemas"
SCRIPTS = scripts()
TEMPLATE = re.compile(r"\$\{\{|\{\{|\$\((params|workspaces|results|context|tasks)\.")


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("github/action.yml", ("--builtin-schema", "vendor.github-actions")),
        ("github/release.yml", ("--builtin-schema", "vendor.github-workflows")),
        ("gitlab/rollway.gitlab-ci.yml", ("--builtin-schema", "vendor.gitlab-ci")),
        ("gitlab/example.gitlab-ci.yml", ("--builtin-schema", "vendor.gitlab-ci")),
        ("tekton/task.yaml", ("--schemafile", str(SCHEMAS / "tekton-task.json"))),
        ("argo/workflow-template.yaml", ("--schemafile", str(SCHEMAS / "argo-workflow-template.json"))),
    ],
)
def test_each_file_is_valid_in_its_system(file: str, schema: tuple[str, str]) -> None:
    """GitHub's and GitLab's published schemas, and for the others the parts that are used. No network is asked."""
    command = [sys.executable, "-m", "check_jsonschema", "--no-cache", *schema, str(PIPELINES / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_shell_in_every_system() -> None:
    """The tests below look at every script there is."""
    systems = {name.split("/")[0].split(":")[0] for name in SCRIPTS}

    assert systems == {"shell", "github", "gitlab", "tekton", "argo", "jenkins"}
    assert sum(name.startswith("jenkins") for name in SCRIPTS) == read_jenkins().count("sh ") + read_jenkins().count("sh(")


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_can_be_read_by_bash(name: str) -> None:
    """`bash -n`, and `sh -n` where sh runs it."""
    script = SCRIPTS[name]
    shells = ["bash"] if name.startswith(("github", "gitlab")) or script.startswith("#!/bin/bash") else ["bash", "sh"]
    for shell in shells:
        done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), shell


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_is_templated_into_a_script(name: str) -> None:
    """What the system fills in before the shell reads it would be code: inputs come through the environment."""
    assert not TEMPLATE.search(SCRIPTS[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_variable_that_a_script_reads_is_quoted(name: str) -> None:
    """`$NAME` alone would be split and globbed. Exempt: assignments, `case`, `[[ … ]]`, `${NAME:+…}` with quotes inside."""
    bare = re.sub(r"(?m)(^|\s)#.*$", "", SCRIPTS[name])
    bare = re.sub(r"\$\{\w+:\+[^{}]*?\"\$\w+\"\}|\$\{AUTO:\+[^}]*\}", "", bare)  # ${IMAGE:+--image "$IMAGE"}
    bare = re.sub(r"\[\[.*?\]\]|\bcase \S+ in|^\s*\w+=\S+$|<<<?\S+", "", bare, flags=re.MULTILINE)
    bare = re.sub(r"'[^']*'", "", bare)
    bare = re.sub(r"\"[^\"]*\"", "", bare)
    assert not re.search(r"\$\{?[A-Za-z_]", bare), re.findall(r".*\$\{?[A-Za-z_].*", bare)


@pytest.mark.parametrize("name", ["github/action.yml", "tekton/task.yaml", "argo/workflow-template.yaml"])
def test_every_reference_leads_somewhere(name: str) -> None:
    """Each input, parameter, step and output that is named is declared, and each that is declared is used."""
    text = (PIPELINES / name).read_text()
    parsed = read(name)
    if name.startswith("github"):
        used, declared = set(re.findall(r"\binputs\.(\w+)", text)), set(parsed["inputs"])
        steps = {step["id"] for step in parsed["runs"]["steps"] if "id" in step}
        assert set(re.findall(r"\bsteps\.(\w+)", text)) == steps
    elif name.startswith("tekton"):
        used, declared = set(re.findall(r"\$\(params\.(\w+)\)", text)), {each["name"] for each in parsed["spec"]["params"]}
    else:
        spec = parsed["spec"]
        used = set(re.findall(r"workflow\.parameters\.(\w+)", text))
        declared = {each["name"] for each in spec["arguments"]["parameters"]}
        calls = [call for each in spec["templates"] for group in each.get("steps", []) for call in group]
        assert {call["template"] for call in calls} | {spec["entrypoint"]} == {each["name"] for each in spec["templates"]}
        assert set(re.findall(r"\bsteps\.([\w-]+)", text)) <= {call["name"] for call in calls}
    assert used == declared


def test_every_gitlab_job_extends_one_that_is_there() -> None:
    """The example's jobs and the hidden ones hang together, and each stage is declared."""
    hidden, example = read("gitlab/rollway.gitlab-ci.yml"), read("gitlab/example.gitlab-ci.yml")
    jobs = [job for job in [*hidden.values(), *example.values()] if isinstance(job, dict)]

    assert {job["extends"] for job in jobs if "extends" in job} <= set(hidden)
    assert {job["stage"] for job in jobs if "stage" in job} == set(example["stages"])


def test_the_jenkinsfile_is_balanced() -> None:
    """Every bracket outside of strings and comments has its other half."""
    code = re.sub(r"(?m)(^|\s)//.*$", "", read_jenkins())
    code = re.sub(r"'''.*?'''|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", "", code, flags=re.DOTALL)
    open_ones: list[str] = []
    for sign in re.findall(r"[(){}\[\]]", code):
        if sign in "({[":
            open_ones.append(sign)
        else:
            assert open_ones.pop() + sign in ("()", "{}", "[]")

    assert open_ones == []
    assert '"""' not in read_jenkins()


def test_the_readme_names_every_file_and_exit_code() -> None:
    """Which to take, and what the exit codes mean: all of them."""
    text = (PIPELINES / "README.md").read_text()
    linked = set(re.findall(r"\]\(([^)]+)\)", text))
    there = {str(path.relative_to(PIPELINES)) for path in PIPELINES.rglob("*") if path.is_file() and path.name != "README.md"}

    assert linked == there
    assert [f"| {code} |" in text for code in range(6)] == [True] * 6


def test_actions_of_others_are_pinned_by_their_commit() -> None:
    """A tag can be moved to other code by whoever owns it; the version stands beside. Ours is named as each has it."""
    used = [line for file in (PIPELINES / "github").glob("*.yml") for line in re.findall(r"uses: (.+)", file.read_text())]
    others = [line for line in used if not line.startswith("your-org/rollway/")]

    assert len(others) >= 2
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line) for line in others), others


def test_the_image_is_slim_pinned_and_not_root() -> None:
    """Official images, all by one digest.

    The last stage compiles nothing, installs nothing, and ends as a numbered user."""
    found = instructions()
    bases = [rest.split()[0] for word, rest in found if word == "FROM"]
    last = found[max(number for number, (word, _) in enumerate(found) if word == "FROM") :]

    assert len(set(bases)) == 1
    assert all(re.fullmatch(r"python:3[.\d]*-slim@sha256:[0-9a-f]{64}", base) for base in bases)
    assert not [rest for word, rest in last if word == "RUN" and re.search(r"\b(pip|apt-get|gcc)\b", rest)]
    assert [rest for word, rest in last if word == "USER"] == ["65532:65532"]
    assert {word for word, _ in found} <= {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}


def test_the_image_starts_what_the_wheel_installs() -> None:
    """ENTRYPOINT is a script of the project's, and its PATH leads to where the first stage put it."""
    found = dict(instructions())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert found["ENTRYPOINT"] == '["deploy"]'
    assert "deploy" in project["scripts"]
    assert found["COPY"] == "--from=build /opt/rollway /opt/rollway"
    assert "PATH=/opt/rollway/bin:$PATH" in found["ENV"]


def test_nothing_that_the_wheel_is_made_of_is_ignored_by_the_image() -> None:
    """Every package, its data, and what pyproject.toml names, get into the build; .git, the tests and a local venv do not."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line.removeprefix("**/") for line in lines if line and not line.startswith("#")]

    def is_ignored(path: str) -> bool:
        parts = path.split("/")
        ways = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        return any(fnmatch.fnmatchcase(way, pattern) for way in ways for pattern in patterns)

    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    needed = [name.removeprefix("rollway").removeprefix(".").replace(".", "/") + "/__init__.py" for name in tool["packages"]]
    needed = [*(name.removeprefix("/") for name in needed), "pyproject.toml", "README.md", "LICENSE", "py.typed"]
    needed += ["examples/shop/k8s/deployment.yaml", "templates/web.yaml.j2"]

    assert [path for path in needed if is_ignored(path)] == []
    assert all(map(is_ignored, (".git/config", ".venv/bin/python", "tests/conftest.py", "rollway.egg-info/PKG-INFO")))


def read_jenkins() -> str:
    return (PIPELINES / "jenkins" / "Jenkinsfile").read_text()
