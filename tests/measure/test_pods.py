"""What pods tell by themselves: each line of a log is counted at one look, whatever the node's clock says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from rollway.cluster.port import Tail
from rollway.errors import ApiError
from rollway.gates.figures import Value
from rollway.kube.objects import Obj
from rollway.measure.pods import Pods
from rollway.measure.port import NoFigure, Side, Unmeasured, Window
from rollway.release.gates import Gate

SIDE = Side("shop", "canary", "v2", "shop-.*", ("a", "b"))
FIRST = Window("shop", "shop", "shop", "app", 2, 10, 10.0, 1, SIDE, None, is_first=True)
LATER = replace(FIRST, is_first=False)


def stamp(at_s: float) -> str:
    return f"2026-01-01T00:{int(at_s) // 60:02}:{at_s % 60:012.9f}Z"


class Cluster:
    """Pods by name, with how often they were restarted, and what each of their lives has printed: (second, line)."""

    def __init__(self, *names: str) -> None:
        self.restarts = dict.fromkeys(names, 0)
        self.said: dict[tuple[str, bool], list[tuple[float, str]]] = {}
        self.now_s = 0.0
        self.unready: set[str] = set()
        self.refused = ""

    def says(self, name: str, at_s: float, line: str, *, is_previous: bool = False) -> None:
        self.said.setdefault((name, is_previous), []).append((at_s, line))

    async def list(self, kind: Any, namespace: str) -> Sequence[Obj]:
        return [self._pod(name) for name in self.restarts]

    def _pod(self, name: str) -> Obj:
        status: Mapping[str, Any] = {
            "containerStatuses": [{"name": "app", "restartCount": self.restarts[name]}],
            "conditions": [{"type": "Ready", "status": "False" if name in self.unready else "True"}],
        }
        return {"metadata": {"name": name, "uid": f"uid-{name}"}, "status": status}

    async def logs(self, namespace: str, pod: str, container: str, tail: Tail) -> str:
        assert tail.timestamps
        if pod == self.refused:
            raise ApiError(500, "InternalError", "the kubelet is away")
        printed = self.said.get((pod, tail.previous), [])
        found = [each for each in printed if tail.since_s is None or each[0] >= self.now_s - tail.since_s]
        return "".join(f"{stamp(at_s)} {line}\n" for at_s, line in found[-tail.lines :])


def source(cluster: Cluster, **pods: Any) -> Pods:
    gate = Gate.model_validate({"name": "g", "pods": pods or {"log": "panic"}, "max": 0})
    return Pods(gate, cluster, "shop")  # type: ignore[arg-type]


def measured(one: Pods, window: Window = LATER) -> Value:
    return asyncio.run(one.measure(window))


def test_the_first_look_is_of_all_that_pods_have_printed_as_they_start() -> None:
    cluster = Cluster("a", "b")
    cluster.says("a", 1.0, "panic: no route")
    cluster.now_s = 300.0
    assert measured(source(cluster), FIRST) == Value(1.0, "panic: no route")


@pytest.mark.parametrize("late_s", [-40.0, 0.0, 40.0])
def test_a_line_is_counted_once_whatever_the_node_s_clock_says(late_s: float) -> None:
    """Also between two seconds, where both looks come in one."""
    cluster, counted = Cluster("a"), list[float]()
    one = source(cluster)
    for look in range(8):
        cluster.now_s = look * 10.4 + late_s + 60
        if look in (2, 5):
            cluster.says("a", cluster.now_s - 0.3, "panic")
        counted.append(measured(one, replace(LATER, is_first=not look, seconds=10.4)).value)
    assert counted == [0, 0, 1, 0, 0, 1, 0, 0]


def test_last_words_of_one_that_panics_are_in_the_life_before() -> None:
    """A first restart is at once: at the next look its new life has a log of its own."""
    cluster = Cluster("a")
    one = source(cluster)
    cluster.says("a", 1.0, "listening")
    assert measured(one, FIRST).value == 0
    cluster.says("a", 4.0, "panic: nil", is_previous=True)
    cluster.said["a", False] = [(5.0, "listening")]
    cluster.restarts["a"] = 1
    assert measured(one) == Value(1.0, "panic: nil")
    assert measured(one).value == 0


def test_a_pod_that_came_since_the_last_look_is_read_from_its_start() -> None:
    cluster = Cluster("a")
    one = source(cluster)
    measured(one, FIRST)
    cluster.restarts["b"] = 0
    cluster.says("b", 1.0, "panic")
    cluster.now_s = 90.0
    assert measured(one).value == 1


def test_a_run_that_takes_over_reads_since_the_last_look_of_the_one_before() -> None:
    cluster = Cluster("a")
    cluster.says("a", 10.0, "panic")
    cluster.says("a", 80.0, "panic")
    cluster.now_s = 100.0
    assert measured(source(cluster), replace(LATER, seconds=30.0)).value == 1


def test_what_could_not_be_read_of_one_pod_is_counted_of_all_at_the_next_look() -> None:
    cluster = Cluster("a", "b")
    one = source(cluster)
    measured(one, FIRST)
    cluster.says("a", 5.0, "panic")
    cluster.refused = "b"
    with pytest.raises(Unmeasured, match="the pods cannot be asked: the kubelet is away"):
        measured(one)
    cluster.refused = ""
    assert measured(one).value == 1


def test_restarts_and_unready_name_the_pods() -> None:
    cluster = Cluster("a", "b")
    cluster.restarts["b"] = 3
    cluster.unready.add("a")
    assert measured(source(cluster, restarts=True)) == Value(3.0, "b")
    assert measured(source(cluster, unready=True)) == Value(1.0, "a")


def test_without_a_pod_there_is_no_figure() -> None:
    with pytest.raises(NoFigure):
        measured(source(Cluster()), replace(LATER, new=replace(SIDE, names=())))
