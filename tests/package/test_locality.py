"""What comes next is one new file and one row: a dummy of each kind is added to a copy of the tree, and works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Deploy = Callable[..., "subprocess.CompletedProcess[str]"]

VERB = '''"""`deploy greet`."""

from __future__ import annotations

from ..session import Screen
from ..verb import verb


@verb(("deploy greet", "says hello"))
def greet(screen: Screen) -> int:
    """Says hello."""
    screen.session().view.document({"greeting": "hello"}, "hello")
    return 0
'''
THEME = '''"""Names that nobody likes."""

from __future__ import annotations

from collections.abc import Iterator

from .case import Case
from .model import Found


def short(case: Case) -> Iterator[Found]:
    yield Found(case.workload, ("metadata", "name"), "its name is too short for some")
'''
RULE = """RULES: tuple[Rule, ...] = (
    Rule("RW999", "warning", "a name that somebody does not like", "They would complain.", "Nobody knows why.", look=names.short),
"""

ROUTER = '''"""An Ingress by whose annotation some controller shares requests out over Services."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar

from ...kube.objects import INGRESS, Obj, annotations_of, merged
from .. import nginx
from ..router import Steps, there
from ..traffic import Traffic
from .beside import Beside

SHARES = "shares.example.com/services"


class Annotated(Beside):
    name: ClassVar[str] = "annotated"
    kinds: ClassVar[Any] = (INGRESS,)

    def refuse_unfit(self, traffic: Traffic) -> None:
        pass

    @property
    def found(self) -> Sequence[Obj]:
        return nginx.ingresses_of(self.release.others, self.host)

    @property
    def shared_by(self) -> str:
        return "some controller"

    def leading(self, live: Iterable[Obj]) -> list[Obj]:
        return nginx.ingresses_of(live, self.host)

    def is_route(self, obj: Any) -> bool:
        return self.is_chosen and bool(nginx.ingresses_of([obj], self.host))

    def routes(self, traffic: Traffic) -> list[Obj]:
        known = {SHARES: f"{self.second}={traffic.weight}"}
        return [merged(ingress, {"metadata": {"annotations": known}}) for ingress in self.found]

    def lay_routes(self, steps: Steps) -> None:
        pass

    def send_routes(self, steps: Steps, traffic: Traffic, why: str) -> None:
        for ingress in self.routes(traffic):
            steps.apply(ingress, why)

    def home(self, steps: Steps) -> None:
        for live in [live for live in there(steps) if self.names_second(live, self.seconds)]:
            for ingress in self.found:
                steps.apply(ingress, "all requests to the application's own")

    def give_routes_back(self, steps: Steps) -> None:
        pass

    def share(self, live: Iterable[Obj]) -> float | None:
        found = [annotations_of(obj)[SHARES] for obj in live if self.names_second(obj, self.seconds)]
        return max((float(each.partition("=")[2]) for each in found), default=None)

    def names_second(self, obj: Obj, names: Collection[str]) -> bool:
        return annotations_of(obj).get(SHARES, "").partition("=")[0] in names
'''
ROUTED = """
from dataclasses import replace

from byroute import ingress, routed
from rollway.kube.objects import INGRESS, annotations_of
from shop import NAMESPACE_NAME, in_world
from rollway.ship.status import status

WAYS = [("canary", {"canary": {"steps": [{"weight": 7}]}}, [7.0, 100.0]), ("blue-green", {"blueGreen": {}}, [100.0])]


def main(strategy, options, wanted):
    async def story(world):
        def version(tag):
            plain = {**ingress(), "metadata": {"name": "shop", "namespace": NAMESPACE_NAME}}  # nothing of ingress-nginx
            made = routed(tag, others=(plain,), strategy=strategy, options=options)
            return replace(made, router="auto" if strategy == "canary" else "annotated")

        seen = []
        world.sandbox.store.subscribe(lambda change: seen.append(annotations_of(change.obj).get("shares.example.com/services")))
        assert (await world.ship("apply", version("v1"), weight=100)).phase == "Promoted"
        result = await world.ship("apply", version("v2"))
        if len(wanted) > 1:
            assert result.plan.split.percent == wanted[0], result.plan.split
            assert {note.partition(",")[0] for note in result.plan.notes} >= {"router auto: annotated"}, result.plan.notes
            assert (await status(world.cluster, version("v2"))).given == wanted[0]
            result = await world.ship("promote", version("v2"), weight=100)
        assert (result.phase, world.versions()) == ("Promoted", {"v2": 4}), result.failure
        shares = [float(each.partition("=")[2]) for each in dict.fromkeys(filter(None, seen))]
        assert shares == wanted, shares
        left = world.sandbox.store.get(INGRESS, NAMESPACE_NAME, "shop")
        assert "shares.example.com/services" not in annotations_of(left)
        assert not world.emptied

    in_world(story)


for way in WAYS:
    main(*way)
print("released")
"""


SOURCE = '''"""How warm it is, of a town."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from ..cluster.port import Cluster
from ..gates.figures import Value
from ..release.sources import SourceOptions
from ..release.wrong import Wrong
from .port import Window

if TYPE_CHECKING:
    from ..release.gates import Gate


class WeatherOptions(SourceOptions):
    """How warm it is."""

    text_is = "town"
    town: str = Field(description="Where.")

    @field_validator("town")
    @classmethod
    def _is_town(cls, town: str) -> str:
        if not town[:1].isupper():
            raise Wrong(f"{town!r} is no town")
        return town


class Weather:
    options = WeatherOptions

    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        self._options = gate.options_as(WeatherOptions)

    async def measure(self, window: Window) -> Value:
        return Value(float(len(self._options.town)), self._options.town)

    def asks(self, window: Window) -> list[str]:
        return [f"how warm it is in {self._options.town}"]

    async def close(self) -> None:
        pass
'''
JUDGE = '''"""Any error of the new version."""

from __future__ import annotations

from ..figures import Figures, Phase, State, Verdict


class AnyError:
    def begin(self) -> State:
        return {"errors": 0.0}

    def take(self, state: State, at_s: float, figures: Figures) -> State:
        return {"errors": state["errors"] + figures.new.errors}

    def miss(self, state: State, at_s: float, cause: str) -> State:
        return state

    def phase(self, state: State) -> Phase:
        return Phase.FAILED if state["errors"] else Phase.RUNNING

    def verdict(self, state: State) -> Verdict:
        return Verdict(self.phase(state), f"{state['errors']:g} errors")
'''
READY = '''"""Traefik's own metrics."""

from .model import Ready

QUERIES = Ready(of="requests", requests='r{pod=~"{{ pods }}"}', errors='e{pod=~"{{ pods }}"}', latency='l{pod=~"{{ pods }}"}')
'''
JUDGED = """
from rollway.gates.figures import Both, Counts
from rollway.gates.judges import judge_of
from rollway.release.gates import Gate

gate = Gate.model_validate({"name": "g", "prometheus": "http://p:9090", "use": "traefik", "judge": "any"})
judge = judge_of(gate.chosen_judge, gate.asked)
print(judge.verdict(judge.take(judge.begin(), 0.0, Both(Counts(9, 0), Counts(9, 2)))).why)
"""
WARM = """app: shop
manifests: [k8s/]
gates:
- {name: warm, weather: Oslo, max: 3}
"""
MEASURED = """
from dataclasses import replace
from rollway.release.load import load
from shop import in_world, release

async def story(world):
    gates = load(sys.argv[1]).gates
    await world.ship("apply", release("v1", strategy="canary"))
    result = await world.ship("apply", replace(release("v2", strategy="canary"), gates=gates), goes_on=True)
    print(result.phase, result.failure.summary)

in_world(story)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What git knows of the package, under the package's name."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if name.endswith((".py", ".j2", ".css", ".js", ".txt")) and not name.startswith(("tests/", "benchmarks/")):
            target = tmp_path / "rollway" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    return tmp_path / "rollway"


def run(tree: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A program with the copy, and not with what this environment has installed: the path comes before its finders."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tree.parent, ROOT / "tests" / "support")))}
    first = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
    command = [sys.executable, "-c", first + program, *words]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def deploy(tree: Path) -> Deploy:
    return partial(run, tree, "from rollway.cli.main import main; sys.exit(main(sys.argv[1:]))")


def add_row(file: Path, before: str, row: str) -> None:
    text = file.read_text()
    assert text.count(before) == 1, before
    file.write_text(text.replace(before, row))


def test_a_verb(tree: Path, deploy: Deploy) -> None:
    """Its file, and its name in VERBS."""
    (tree / "cli" / "verbs" / "greet.py").write_text(VERB)
    table = tree / "cli" / "verbs" / "__init__.py"
    add_row(table, '    "demo", "init",', '    "greet", "demo", "init",')

    assert deploy("greet").stdout == "hello\n"
    assert "greet" in deploy("--help").stdout
    assert "says hello" in deploy("greet", "--help").stdout


def test_a_rule(tree: Path, deploy: Deploy) -> None:
    """Its function in the file of its theme, here a new one, and its row in RULES."""
    (tree / "preflight" / "names.py").write_text(THEME)
    table = tree / "preflight" / "rules.py"
    add_row(table, "    balancers,\n", "    names,\n    balancers,\n")
    add_row(table, "RULES: tuple[Rule, ...] = (\n", RULE)

    found = deploy("check", "-f", "examples/shop/deploy.yaml")
    assert "RW999" in found.stdout, found.stderr
    assert "its name is too short for some" in found.stdout
    assert "Nobody knows why." in deploy("check", "RW999").stdout


def test_a_router(tree: Path, deploy: Deploy) -> None:
    """Its file, and its name in RouterName: releases are shared by it, told so, and given back, and `auto` knows it."""
    (tree / "routing" / "routers" / "annotated.py").write_text(ROUTER)
    add_row(tree / "release" / "options.py", '"istio", "nginx"]', '"istio", "nginx", "annotated"]')

    done = run(tree, ROUTED)
    assert done.stdout == "released\n", done.stderr
    assert '"annotated"' in deploy("schema").stdout


def test_a_source_of_gates(tree: Path, deploy: Deploy, tmp_path: Path) -> None:
    """Its file, with its options and what they are checked for, and its row in SOURCES: the release file and its schema know it,
    and a release is taken back by what it answers."""
    (tree / "measure" / "weather.py").write_text(SOURCE)
    row = "SOURCES: Mapping[str, str] = {\n"
    add_row(tree / "release" / "sources.py", row, row + '    "weather": "weather.Weather",\n')
    shutil.copytree(ROOT / "examples" / "shop" / "k8s", tmp_path / "k8s")
    file = tmp_path / "deploy.yaml"
    file.write_text(WARM)

    made = run(tree, MEASURED, str(file))
    assert made.stdout == "RolledBack gate warm failed: 4, wanted at most 3: Oslo (0 of 1 measurements good)\n", made.stderr
    schema = json.loads(deploy("schema").stdout)
    assert schema["$defs"]["WeatherOptions"]["properties"]["town"]["description"] == "Where."
    assert schema["$defs"]["Gate"]["properties"]["weather"]["description"] == "How warm it is."
    file.write_text(WARM.replace("Oslo", "{town: oslo}"))
    wrong = deploy("check", "-f", str(file))
    assert wrong.returncode == 2
    assert f"{file}:4" in wrong.stderr
    assert "'oslo' is no town" in wrong.stderr
    file.write_text(WARM.replace("max: 3", "query: up"))
    assert "query belongs to prometheus" in deploy("check", "-f", str(file)).stderr


def test_a_judge_and_ready_made_queries(tree: Path) -> None:
    """Their files, and their rows in JUDGES and READY."""
    (tree / "gates" / "judges" / "anyerror.py").write_text(JUDGE)
    judges = tree / "gates" / "judges" / "__init__.py"
    add_row(judges, "from .effect import", "from .anyerror import AnyError\nfrom .effect import")
    row = "JUDGES: Mapping[str, Row] = {\n"
    add_row(judges, row, row + '    "any": Row(lambda asked: AnyError(), "counts"),\n')
    (tree / "gates" / "ready" / "traefik.py").write_text(READY)
    ready = tree / "gates" / "ready" / "__init__.py"
    add_row(ready, "linkerd, nginx\n", "linkerd, nginx, traefik\n")
    row = "READY: Mapping[str, Ready] = {\n"
    add_row(ready, row, row + '    "traefik": traefik.QUERIES,\n')

    made = run(tree, JUDGED)
    assert made.stdout == "2 errors\n", made.stderr
