"""Recorded requests and answers of an API server, asked of the embedded cluster."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from rollway.kube.clock import now, timestamp
from rollway.kube.objects import NAMESPACE, POD, get
from rollway.sandbox.api.server import Api, bootstrap
from rollway.sandbox.serving.http import application
from rollway.sandbox.store.store import Store
from rollway.sandbox.world import Sandbox

FOLDER = Path(os.environ.get("ROLLWAY_CONFORMANCE") or Path(__file__).parent.parent / "conformance")


def scenarios(folder: str) -> list[dict[str, Any]]:
    """The recorded ones of a folder of `tests/conformance`; none where it is not there."""
    path = FOLDER / folder / "exchanges.json"
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}

BUILD = ("gitCommit", "gitTreeState", "buildDate", "goVersion")
"""Of /version: which binary it was, not how it behaves."""

ELSEWHERE = "openshift-service-ca.crt"
"""The recording's build mounts one source more than Kubernetes' own beside the token."""

CONTROLLERS = "kube-controller-manager"
"""Its writes race with the requests in the recordings, so what it wrote into Deployments is left out on both sides: its
entry of managedFields, its annotation, and the status. Recordings of their own hold the controllers (test_rollouts.py).
Of other kinds only its entry of managedFields is: the embedded cluster notes no owner of what controllers write."""


async def replay(scenario: Mapping[str, Any]) -> None:
    """Asks everything in its order. Raises AssertionError at the first answer that is another than the recorded one."""
    store = Store(seed=1)
    bootstrap(store, now())
    api = Api(store, now)
    api.create(NAMESPACE, "", {"metadata": {"name": "scenario"}}, manager="test")

    async def between(_: Mapping[str, Any]) -> None:
        _schedule(store)

    await _replay(scenario, api, between)


async def replay_controlled(scenario: Mapping[str, Any]) -> None:
    """As `replay`, beside running controllers, and without a node: that is how the recordings of `api2` were made."""
    async with Sandbox(seed=1, kubelet=False) as sandbox:
        sandbox.api.create(NAMESPACE, "", {"metadata": {"name": "scenario"}}, manager="test")

        async def between(_: Mapping[str, Any]) -> None:
            await sandbox.settle()

        await _replay(scenario, sandbox.api, between)


Between = Callable[[Mapping[str, Any]], Awaitable[None]]
"""What happens in the cluster before a request is sent."""


async def _replay(scenario: Mapping[str, Any], api: Api, between: Between) -> None:
    saved: dict[str, Mapping[str, str]] = {}
    async with TestServer(application(api)) as server, ClientSession(headers={"User-Agent": "python-requests/2.32"}) as client:
        for number, exchange in enumerate(scenario["exchanges"]):
            request, answer = exchange["request"], exchange["answer"]
            if "sleep" in request:
                continue
            await between(request)
            seen = await _ask(client, str(server.make_url("/")), _filled(request, saved))
            if "save" in request:
                meta = seen["body"]["metadata"]
                saved[request["save"]] = {"rv": meta.get("resourceVersion", ""), "uid": meta.get("uid", "")}

            if "warnings" not in answer:
                seen.pop("warnings", None)  # not every recording noted them
            seen = _normal(seen)
            if isinstance(text := get(answer, "body", "text"), str) and "text" in seen["body"]:
                seen["body"]["text"] = seen["body"]["text"][: len(text)]  # only the beginning was recorded
            assert _comparable(seen) == _comparable(_without_certificate(answer)), f"exchange {number}: {request}"


def _schedule(store: Store) -> None:
    """The recorded cluster's scheduler was quicker than the next request."""
    for pod in store.list(POD):
        if not get(pod, "spec", "nodeName"):
            condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": timestamp(now())}
            spec, status = pod["spec"] | {"nodeName": "fake-0"}, pod["status"] | {"conditions": [condition]}
            store.update(POD, pod | {"spec": spec, "status": status})


def _filled(request: Mapping[str, Any], saved: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    text = json.dumps(request).replace("{ns}", "scenario")
    text = re.sub(r"\{(rv|uid):(\w+)\}", lambda found: saved[found[2]][found[1]], text)
    filled: dict[str, Any] = json.loads(text)
    return filled


async def _ask(client: ClientSession, base: str, request: Mapping[str, Any]) -> dict[str, Any]:
    headers = dict(request.get("headers") or {})
    data = None
    if "raw" in request or "body" in request:
        data = (request["raw"] if "raw" in request else json.dumps(request["body"])).encode()
        type_ = TYPES.get(request.get("type", ""), "application/json")
        headers["Content-Type"] = request.get("content_type") or type_
    url = base.rstrip("/") + request["path"]
    async with client.request(request["method"], url, data=data, headers=headers) as response:
        text = await response.text()
        warnings = [re.sub(r'^299 - "(.*)"$', r"\1", each).replace('\\"', '"') for each in response.headers.getall("Warning", [])]
        if request.get("watch") and response.status == 200:
            events = [json.loads(line) for line in text.splitlines()]
            return {"status": response.status, "events": [event for event in events if not _is_plain_bookmark(event)]}
        if response.content_type == "application/json" and not ("watch=" in url and response.status == 200):
            body = {"status": response.status, "body": json.loads(text)}
            return body | ({"warnings": warnings} if warnings else {})
        return {"status": response.status, "body": {"text": text}}


def _is_plain_bookmark(event: Mapping[str, Any]) -> bool:
    """Those that tell nothing but the version come by the clock."""
    return bool(event["type"] == "BOOKMARK") and not get(event, "object", "metadata", "annotations")


UID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _normal(value: Any, key: str = "") -> Any:
    """What differs from run to run, written as in the recordings."""
    match value:
        case dict():
            return {name: _normal(child, name) for name, child in value.items()}
        case list():
            return [_normal(child, key) for child in value]
        case str():
            if key == "resourceVersion":
                return "<rv>"
            if key == "continue":
                return "<continue>"
            if key == "ca.crt":
                return "<certificate>"
            text = re.sub(UID, "<uid>", value).replace("scenario", "{ns}")
            text = re.sub(r"(?!2026-01-01)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)  # that is one which requests send
            text = re.sub(r'(?<=\\"resourceVersion\\":\\")\d+', "<rv>", text)
            text = re.sub(r'(?<="resourceVersion":")\d+', "<rv>", text)
            text = _drawn(text)
            return re.sub(r"\b(?!10\.0\.0\.1\b)\d+\.\d+\.\d+\.\d+\b", "<ip>", text) if "0.0.0.0" not in text else text
        case _:
            return value


def _without_certificate(answer: Any) -> Any:
    """The recorded cluster's own, in every namespace."""
    text = re.sub(r'("ca\.crt": )"-----BEGIN[^"]*"', r'\1"<certificate>"', json.dumps(answer))
    return json.loads(text)


def _drawn(text: str) -> str:
    """Without what is random in names: the hash of a revision, the ends of the names of Events and token volumes."""
    text = re.sub(r"\bdemo-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b", "demo-<hash>", text)
    text = re.sub(r"\bdemo\.[0-9a-f]{12,16}\b", "demo.<id>", text)
    return re.sub(r"\bkube-api-access-[a-z0-9]{5}\b", "kube-api-access-<id>", text)


def _comparable(value: Any) -> Any:
    match value:
        case dict():
            out = {name: _comparable(child) for name, child in value.items()}
            if "serverAddress" in out:
                out["serverAddress"] = re.sub(r":\d+$", ":<port>", out["serverAddress"])
            if "gitVersion" in out:
                out = {name: child for name, child in out.items() if name not in BUILD}
            if len(out.get("causes") or ()) > 1:
                # several errors in one custom resource come in no fixed order
                out["causes"] = sorted(out["causes"], key=lambda each: (each["field"], each["message"]))
            if len(_causes(out)) > 1:
                out["message"] = sorted(set(re.findall(r"[^\[\],\s]+", out["message"])))
            if out.get("kind") == "Deployment" and "status" in out:
                return _uncontrolled(out)
            if isinstance(out.get("managedFields"), list):
                own = [entry for entry in out["managedFields"] if entry["manager"] != CONTROLLERS]
                out["managedFields"] = sorted(
                    own, key=lambda each: (each["manager"], each["operation"], each.get("subresource", ""))
                )
                if not own:
                    del out["managedFields"]
            if get(out, "configMap", "name") == ELSEWHERE:
                return None
            return out
        case list():
            return [child for child in map(_comparable, value) if child is not None]
        case _:
            return value


def _causes(status: Mapping[str, Any]) -> list[Any]:
    return get(status, "details", "causes", default=[]) if status.get("kind") == "Status" else []


def _uncontrolled(deployment: dict[str, Any]) -> dict[str, Any]:
    meta = dict(deployment["metadata"])
    meta["managedFields"] = [entry for entry in meta.get("managedFields", []) if entry["manager"] != CONTROLLERS]
    notes = {k: v for k, v in meta.pop("annotations", {}).items() if k != "deployment.kubernetes.io/revision"}
    return deployment | {"metadata": meta | ({"annotations": notes} if notes else {}), "status": None}
