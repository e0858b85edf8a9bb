"""Applications as tutorials leave them: created by hand, with few settings, and then released by rollway."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path

import pytest
from edges import put, shop
from rollway.errors import RollwayError
from rollway.kube.objects import Obj, kind_of
from rollway.release.load import load
from rollway.release.manifests import read
from rollway.release.model import Release
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world

NONSTOP_WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: nonstop-web}
spec:
  selector: {matchLabels: {run: nonstop-web}}
  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}
  template:
    metadata: {labels: {run: nonstop-web}}
    spec:
      containers:
      - image: windowforsun/nonstop-spring:v1
        imagePullPolicy: Always
        name: nonstop-web
        ports: [{containerPort: 8080, protocol: TCP}]
        livenessProbe: {httpGet: {path: /liveness, port: 8080}}
        readinessProbe: {httpGet: {path: /readiness, port: 8080}}
        lifecycle: {preStop: {httpGet: {path: /prestop, port: 8080}}}
      terminationGracePeriodSeconds: 30
---
apiVersion: v1
kind: Service
metadata: {name: nonstop-web}
spec:
  selector: {run: nonstop-web}
  ports: [{port: 8080, protocol: TCP, targetPort: 8080}]
"""

ACT_HTTPD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: act-httpd, labels: {app: act-app, version: "1.0"}}
spec:
  replicas: 4
  selector: {matchLabels: {app: act-app, version: "1.0"}}
  template:
    metadata: {labels: {app: act-app, version: "1.0"}}
    spec:
      containers: [{name: act-httpd, image: "httpd:2.4", ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: act}
spec:
  type: NodePort
  selector: {app: act-app}
  ports: [{port: 80, targetPort: 80}]
"""

APPS = {"nonstop-web": (NONSTOP_WEB, ":v2"), "act-httpd": (ACT_HTTPD, "nginx:1.29")}


def release(folder: Path, name: str, image: str, strategy: str) -> Release:
    (folder / "app.yaml").write_text(APPS[name][0])
    quick = "strategies: {ab: {progressDeadlineSeconds: 60}, blueGreen: {scaleDownDelaySeconds: 2}}"
    (folder / "deploy.yaml").write_text(f"namespace: shop\nmanifests: [app.yaml]\n{quick}\n")
    return load(str(folder / "deploy.yaml"), image=image, strategy=strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", APPS)
def test_taken_up_as_they_are(name: str, strategy: str, tmp_path: Path) -> None:
    """Created by `kubectl apply`, released to the next version and rolled back to what was found: no Service is empty but for
    recreate, although nothing but their own few settings is known of them."""
    _, new = APPS[name]

    async def story(world: World) -> None:
        wanted = release(tmp_path, name, new, strategy)
        for item in read(["app.yaml"], str(tmp_path), "deploy.yaml"):
            kind = kind_of(item.obj["apiVersion"], item.obj["kind"])
            assert kind is not None
            world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(item.obj), manager="kubectl-client-side-apply")
        await asyncio.sleep(60)
        found = world.versions()

        await world.ship("apply", wanted, strategy=strategy)
        done = await world.ship("promote", wanted, strategy=strategy, weight=100)
        assert done.phase == "Promoted", done.failure
        assert list(world.versions()) == [new.rpartition(":")[2]]

        await world.ship("rollback", wanted, strategy=strategy)
        await asyncio.sleep(60)
        assert world.versions() == found
        assert bool(world.emptied) == (strategy == "recreate")

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_namesake_that_is_another_application_is_not_touched(strategy: str) -> None:
    """Found under the name of the manifests, with pods of another image that are selected otherwise: canary and ab would take it
    away, and blue-green its pods. Who means it says so."""

    def other(workload: Obj) -> None:
        workload["spec"]["selector"]["matchLabels"] = {"app": "db"}
        workload["spec"]["template"]["metadata"]["labels"] = {"app": "db"}
        workload["spec"]["template"]["spec"]["containers"][0]["image"] = "ghcr.io/acme/db:16"

    async def story(world: World) -> None:
        put(world, shop("v1", change=other).workload)
        await asyncio.sleep(30)
        mark = world.sandbox.store.version
        with pytest.raises(RollwayError, match="seems to be another application") as refused:
            await world.ship("apply", shop("v2", strategy=strategy), weight=100)
        assert "ghcr.io/acme/db:16" in refused.value.summary
        assert world.changed_since(mark) <= {"Lease"}

        if strategy == "canary":
            assert (await world.ship("apply", shop("v2", strategy=strategy), weight=100, force=True)).phase == "Promoted"

    in_world(story)
