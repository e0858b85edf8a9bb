"""Whether tests notice small faults in what a change touches: `python -m rollway.tools.mutate [FILE…]`.

`[tool.mutate]` of pyproject.toml says which rooms are asked, and which tests each is held by, the nearest first. The nearest run
once as they are, with coverage, and each fault (mutants.py) is shown to the tests alone that reach its lines; what lives is shown
to the next ones in the same way. What lives to the end, and is not named in mutants.toml with the reason why nobody could notice,
is told with its place, and the answer is 1.

Nothing is written into the tree: a process is forked for each fault, and has the one module compiled with it as it is imported.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from .mutants import Mutant, mutants, mutated

HEAVY = ("pytest", "_pytest.assertion.rewrite", "hypothesis", "yaml", "pydantic", "aiohttp", "jinja2", "rich.console")
"""What tests import and nobody mutates: there before the forks, once for all of them."""
AT_MOST_S = 60.0
"""How much of tests' time a fault is shown in a round: of its own room first, and there the quickest."""
SLOWER = 5
"""So many times longer, and the patience that was asked for, tests may take with a fault: else it hangs, and is caught."""
PYTEST = ("-q", "-x", "--no-header", "-W", "default", "-m", "not live and not real_time")


@dataclass(frozen=True)
class Target:
    """A file, its faults, and the tests that hold its room."""

    file: Path
    faults: tuple[Mutant, ...]
    tests: tuple[str, ...]


@dataclass
class Reach:
    """What the tests reach as things are: by file and line the tests that run it, and how long each takes."""

    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def of(self, file: Path, fault: Mutant, rooms: Sequence[str] = ()) -> list[str]:
        """The tests for a fault, those of the `rooms` that are named first, and of one room the quickest. What runs as its module
        is imported is reached by all that reach the module; a table, where nothing else runs, by all tests."""
        by_line = self.lines.get(str(file), {})
        hit = set().union(*(by_line.get(line, set()) for line in range(fault.line, fault.last_line + 1)))
        found = hit - {""}
        if hit and not found:
            found = set().union(*by_line.values()) - {""} or set(self.seconds)
        out, left_s = list[str](), AT_MOST_S

        def turn(test: str) -> tuple[int, float, str]:
            room = next((place for place, each in enumerate(rooms) if test.startswith(each)), len(rooms))
            return room, self.seconds.get(test, 0), test

        for test in sorted(found, key=turn):
            left_s -= self.seconds.get(test, 0)
            if out and left_s < 0:
                break
            out.append(test)
        return out


def changed_lines(base: str, file: Path) -> set[int]:
    """The lines of a file that are not as in `base`."""
    command = ["git", "diff", "--unified=0", "--no-color", base, "--", str(file)]
    diff = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.finditer(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", diff, re.MULTILINE)
    return {line for hunk in found for line in range(int(hunk[1]), int(hunk[1]) + int(hunk[2] or 1))}


def default_base() -> str:
    """main as others have it; else the last release; else the commit before."""
    for command in (["rev-parse", "--verify", "--quiet", "origin/main"], ["describe", "--tags", "--abbrev=0"]):
        done = subprocess.run(["git", *command], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    return "HEAD~1"


def targets(rooms: Mapping[str, Sequence[str]], files: Sequence[Path], base: str | None) -> list[Target]:
    """The rooms' files, or those among them that are named; with `base` only the faults in lines that have changed since."""
    out = []
    for room, tests in rooms.items():
        for file in sorted(Path(room).rglob("*.py")) if Path(room).is_dir() else [Path(room)]:
            if files and file not in files:
                continue
            found = mutants(file.read_text())
            if base:
                lines = changed_lines(base, file)
                found = [fault for fault in found if lines & set(range(fault.line, fault.last_line + 1))]
            if found:
                out.append(Target(file.resolve(), tuple(found), tuple(tests)))
    return out


def sampled(found: Sequence[Target], count: int, seed: int) -> list[Target]:
    """That many faults of all, each as likely as any other."""
    every = [(target, fault) for target in found for fault in target.faults]
    drawn = set(random.Random(seed).sample(range(len(every)), min(count, len(every))))
    kept = [pair for number, pair in enumerate(every) if number in drawn]
    return [
        Target(target.file, faults, target.tests)
        for target in found
        if (faults := tuple(fault for owner, fault in kept if owner is target))
    ]


# forks


def forked(work: Callable[[], int], patience_s: float) -> Callable[[], int | None]:
    """Begins it in a process of its own, without output; what is answered waits for its exit code, None where it takes longer."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        _end_with_parent()
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        code = 70
        with contextlib.suppress(BaseException):
            code = work()
        os._exit(code)
    ends_at = time.monotonic() + patience_s

    def wait() -> int | None:
        """-1 while it runs."""
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _end(pid)  # what it may have left
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() < ends_at:
            return -1
        _end(pid)
        os.waitpid(pid, 0)
        return None

    return wait


def _end_with_parent() -> None:
    """Whoever asked may be ended, and then nobody ends us. (Here once more: whatever of ours is imported cannot have a fault.)"""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def at_once(jobs: Iterable[tuple[Any, Callable[[], int], float]], count: int) -> Generator[tuple[Any, int | None], None, None]:
    """Runs (name, work, patience) in forks, `count` beside each other; (name, exit code) as they end."""
    waiting, running = iter(jobs), dict[int, tuple[Any, Callable[[], int | None]]]()
    number = 0
    while True:
        while len(running) < count and (job := next(waiting, None)):
            name, work, patience_s = job
            running[number] = name, forked(work, patience_s)
            number += 1
        if not running:
            return
        for key, (name, wait) in list(running.items()):
            if (code := wait()) != -1:
                del running[key]
                yield name, code
        time.sleep(0.02)


# what is reached


class Watched:
    """A plugin of pytest: whose lines run when, and how long each test takes."""

    def __init__(self, measured: Any) -> None:
        self.measured, self.seconds = measured, dict[str, float]()

    def pytest_runtest_protocol(self, item: Any) -> None:
        self.measured.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration


def reach(files: Sequence[Path], tests: Sequence[str], count: int) -> Reach:
    """Runs the tests as things are, in `count` processes. What fails is in `failed`."""
    found = Reach()
    spread = [each for folder in tests for each in (sorted(Path(folder).rglob("test_*.py")) or [Path(folder)])]
    parts = [part for index in range(count * 4) if (part := [str(file) for file in spread[index :: count * 4]])]
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(index, partial(_measured, files, part, Path(folder, str(index))), 3600.0) for index, part in enumerate(parts)]
        for index, code in at_once(jobs, count):
            if code not in (0, 5):
                found.failed += parts[index]
                continue
            told = json.loads(Path(folder, str(index)).read_text())
            found.seconds |= told["seconds"]
            for name, lines in told["lines"].items():
                kept = found.lines.setdefault(name, {})
                for line, tests_of in lines.items():
                    kept.setdefault(int(line), set()).update(tests_of)
    return found


def _measured(files: Sequence[Path], tests: Sequence[str], out: Path) -> int:
    import coverage
    import pytest

    measured = coverage.Coverage(data_file=None, include=[str(file) for file in files], config_file=False)
    measured.start()
    watched = Watched(measured)
    code = pytest.main([*PYTEST, *tests], plugins=[watched])
    measured.stop()
    data = measured.get_data()
    lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
    out.write_text(json.dumps({"seconds": watched.seconds, "lines": lines}))
    return int(code)


# a fault


def shown(file: Path, fault: Mutant, tests: Sequence[str]) -> int:
    """pytest's answer where the file has that fault."""
    import pytest

    code = compile(mutated(file.read_text(), fault), str(file), "exec")
    plain = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, name: str) -> CodeType | None:
        return code if self.get_filename(name) == str(file) else plain(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    return int(pytest.main([*PYTEST, *tests]))


@dataclass
class Ends:
    """What became of faults: how many were caught, how many of these as they hang; and those that live, each with how many tests
    it was shown to. Tests that failed without any are in `failed`."""

    caught: int = 0
    hung: int = 0
    living: dict[tuple[Path, Mutant], int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def ends_of(found: Sequence[Target], *, jobs: int, patience_s: float) -> Ends:
    """Round by round: the nearest tests are quick, and catch most; only for what they let live the next ones are run."""
    ends = Ends(living={(target.file, fault): 0 for target in found for fault in target.faults})
    for round_ in range(max(len(target.tests) for target in found)):
        asked = [
            (target.file, fault, target.tests[round_])
            for target in found
            for fault in target.faults
            if round_ < len(target.tests) and (target.file, fault) in ends.living
        ]
        tests = list(dict.fromkeys(each for *_, each in asked))
        if asked:
            print(f"{len(asked)} faults; {', '.join(tests)} as they are, then with them", flush=True)
            known = reach(list(dict.fromkeys(file for file, *_ in asked)), tests, jobs)
            if known.failed:
                ends.failed = known.failed
                break
            _show(asked, known, ends, jobs=jobs, patience_s=patience_s)
    return ends


def _show(asked: Sequence[tuple[Path, Mutant, str]], known: Reach, ends: Ends, *, jobs: int, patience_s: float) -> None:
    """Each fault to the tests that reach it, those of its own room first."""
    shows: list[tuple[tuple[Path, Mutant], Callable[[], int], float]] = []
    for file, fault, room in asked:
        if tests := known.of(file, fault, (room,)):
            longest_s = patience_s + SLOWER * sum(known.seconds.get(test, 0) for test in tests)
            shows.append(((file, fault), partial(shown, file, fault, tests), longest_s))
            ends.living[file, fault] += len(tests)
    for key, code in at_once(shows, jobs):
        if code != 0:
            del ends.living[key]
            ends.caught += 1
            ends.hung += code is None


def _told(file: Path, fault: Mutant, tests: int) -> str:
    why = f"{tests} tests do not notice" if tests else "no test comes here"
    return f"{os.path.relpath(file)}:{fault.line} in {fault.where or 'the module'}: {why}\n  - {fault.before}\n  + {fault.after}"


def without_named(found: Sequence[Target], named: Iterable[Mapping[str, str]]) -> list[Target]:
    """Without the faults that nobody could notice, by mutants.toml."""
    keys = {(each["file"], each["where"], each["before"], each["after"]) for each in named}
    return [
        Target(target.file, tuple(m for m in target.faults if (os.path.relpath(target.file), *m.key) not in keys), target.tests)
        for target in found
    ]


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Whether tests notice small faults.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="of the rooms; all where none is named")
    parser.add_argument("--base", help="what the change is against: origin/main, else the last release")
    parser.add_argument("--all", action="store_true", help="all lines, not only those that have changed")
    parser.add_argument("--sample", type=int, metavar="N", help="that many faults, drawn from all")
    parser.add_argument("--seed", type=int, default=0, help="another draw")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="beside each other")
    parser.add_argument("--patience", type=float, default=20.0, metavar="S", help="how much longer tests may take with a fault")
    asked = parser.parse_args(words)
    rooms = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutate"]["rooms"]
    named = tomllib.loads(path.read_text()) if (path := Path("tools/mutants.toml")).exists() else {}
    base = None if asked.all else asked.base or default_base()
    found = without_named(targets(rooms, asked.files, base), named.get("equivalent", ()))
    found = sampled(found, asked.sample, asked.seed) if asked.sample else found
    total = sum(len(target.faults) for target in found)
    if not total:
        print(f"no line of {', '.join(rooms)} has changed since {base}" if base else "nothing to change there")
        return 0
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    ends = ends_of(found, jobs=asked.jobs, patience_s=asked.patience)
    if ends.failed:
        print(f"these fail already, and say nothing of a fault: {' '.join(ends.failed)}")
        return 2
    for (file, fault), count in ends.living.items():
        print(_told(file, fault, count))
    share = f"{ends.caught} of {total} caught ({100 * ends.caught / total:.1f}%)"
    print(f"{share}, {ends.hung} of these as they hang; {len(ends.living)} live")
    return 1 if ends.living else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
