"""A sandbox in the background with real pods and a real proxy, and the command before it, a process each time: forked from one
that is warm."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pace import slowness, stretched
from rollway.cluster.client import KubeClient, connect
from rollway.kube.objects import API_GATEWAY, DEPLOYMENT, NAMESPACE, POD, Obj, Ref, get
from rollway.sandbox import daemon
from rollway.sandbox.dataplane.traffic import standing
from rollway.sandbox.durations import Lag
from warmed import warmed

EXPERIMENTS = Path(__file__).parents[2] / "examples" / "zero-downtime"
WITHIN_S = 60.0
"""How long anything may take, on a quiet machine."""
RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}}
_numbers = itertools.count(1)


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)


class Lab:
    """One experiment: its copy of the example, in a namespace of its own."""

    def __init__(self, home: Path, folder: Path, namespace: str) -> None:
        self.home, self.folder, self.namespace = home, folder, namespace
        self._env = {**os.environ, "ROLLWAY_SANDBOX_HOME": str(home), "ROLLWAY_NAMESPACE": namespace}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [beside(self.home) / "bin" / "deploy", *words]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._env, cwd=self.folder
        )

    def deploy(self, *words: str) -> Ended:
        with self.start(*words) as process:
            out, err = process.communicate(timeout=WITHIN_S * slowness())
        return Ended(process.returncode, out, err)

    def release(self, verb: str, *words: str, file: str = "deploy.yaml") -> Ended:
        """`apply` and its like, on the sandbox; it has to succeed."""
        ended = self.deploy(verb, *words, "--sandbox", "-f", file)
        assert ended.code == 0, f"{ended.out}\n{ended.err}"
        return ended

    def url(self, service: str) -> str:
        """Once the sandbox serves it."""
        said: list[str] = []
        wait_for(lambda: (found := self.deploy("sandbox", "url", service)).code == 0 and said.append(found.out.strip()) is None)
        return said[0]

    @property
    def ingress(self) -> str:
        """Where Ingresses and Gateways are."""
        return str(standing(self.home)["ingress"]["url"])

    @property
    def gateway(self) -> str:
        """Where the Gateway `edge` is, of the Gateway API."""
        edge = Ref(API_GATEWAY.api_version, API_GATEWAY.name, self.namespace, "edge")
        found: list[Obj | None] = []
        wait_for(lambda: found.append(self.ask(lambda client: client.get(edge))) or get(found[-1], "status", "addresses"))
        host, port = get(found[-1], "status", "addresses")[0]["value"], get(found[-1], "spec", "listeners")[0]["port"]
        return f"http://{host}:{port}"

    @contextlib.contextmanager
    def probed(self, url: str, *words: str) -> Iterator[dict[str, Any]]:
        """Requests for as long as the block lasts, from the first good answer on. The report is in what it yields, afterwards."""
        document: dict[str, Any] = {}
        with self.start("probe", url, "--wait", f"{stretched(30)}s", "--every", "1s", "-o", "json", *words) as process:
            assert process.stderr
            said: list[str] = []
            while " good" not in (line := process.stderr.readline()):
                said.append(line)
                assert line, f"{said}, {process.stdout.read() if process.stdout else None}"
            drained = threading.Thread(target=process.stderr.read)
            drained.start()
            try:
                yield document
            finally:
                process.send_signal(signal.SIGINT)
                assert process.stdout
                out = process.stdout.read()
                drained.join()
        document.update(json.loads(out))

    def until_answered_by(self, versions: set[str], *where: str) -> None:
        """Requests are answered by these, and by no other: a proxy hears of what the cluster knows when it does, and nothing says
        when that is."""
        asked = ("probe", *where, "--duration", "1s", "-o", "json")
        wait_for(lambda: set(self.deploy(*asked).document["figures"]["versions"]) == versions)

    def restart(self, name: str) -> None:
        """`kubectl rollout restart`; where there is no kubectl, what it sends."""
        if shutil.which("kubectl"):
            command = ["kubectl", "--kubeconfig", str(self.home / "kubeconfig"), "-n", self.namespace]
            subprocess.run([*command, "rollout", "restart", f"deployment/{name}"], check=True, capture_output=True)
        else:
            self.ask(lambda client: client.patch(Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, self.namespace, name), RESTART))

    def pods(self) -> list[Obj]:
        return list(self.ask(lambda client: client.list(POD, self.namespace)))

    def until_replaced(self, old: set[str]) -> None:
        """No pod of that name is left, and each that is there is ready."""
        wait_for(lambda: not old & set(self.ready()) and len(self.ready()) == len(self.pods()))

    def ready(self) -> list[str]:
        conditions = {pod["metadata"]["name"]: pod["status"].get("conditions", []) for pod in self.pods()}
        return [
            name
            for name, found in conditions.items()
            if {"Ready": "True"}.items() <= {c["type"]: c["status"] for c in found}.items()
        ]

    def remove(self) -> None:
        self.ask(lambda client: client.delete(Ref("v1", NAMESPACE.name, "", self.namespace)))

    def ask(self, use: Callable[[KubeClient], Any]) -> Any:
        return ask(self.home, use)


def losses(*reports: dict[str, Any]) -> list[dict[str, Any]]:
    """What probes have lost, report by report: what of it, when, and in the system's own words. Empty where nothing was."""
    return [
        {"report": place, **each["figures"]["examples"], "steps": [step for step in each["timeline"]["steps"] if step["lost"]]}
        for place, each in enumerate(reports)
        if each["figures"]["lost"]
    ]


def ask(home: Path, use: Callable[[KubeClient], Any]) -> Any:
    async def main() -> Any:
        async with await connect(kubeconfig=str(home / "kubeconfig")) as client:
            return await use(client)

    return asyncio.run(main())


def wait_for(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S * slowness()
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def beside(home: Path) -> Path:
    """Where the warm command is: what is in a sandbox's own folder is private, and can be run by nobody."""
    return home.with_name(f"{home.name}-command")


@contextlib.contextmanager
def sandbox(home: Path, lags: dict[str, str]) -> Iterator[Path]:
    """A running one, at a port of its own for Ingresses."""
    with warmed(beside(home)):
        daemon.up(home, ingress_port=0, **{name: Lag.parse(text) for name, text in lags.items()})
        try:
            wait_for(lambda: standing(home).get("envoy", {}).get("pid"))
            yield home
        finally:
            daemon.down(home)


def lab(home: Path, folder: Path, example: str | Path, quicker: dict[str, str]) -> Lab:
    """A copy of the example, or of another folder, with each key of `quicker`, which has to be there, become its value; NAMESPACE
    is its own."""
    source = EXPERIMENTS / example
    left, name = set(quicker), f"{source.name}-{next(_numbers)}"
    for path in source.rglob("*.yaml"):
        text = path.read_text()
        for old, new in quicker.items():
            left -= {old} if old in text else set()
            text = text.replace(old, new.replace("NAMESPACE", name))
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    assert not left, f"not in the example: {left}"

    made = {"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": name}}
    ask(home, lambda client: client.create(made))
    return Lab(home, folder, name)
