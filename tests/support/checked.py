"""A small release to be spoilt in one place, and what preflight finds in it then."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from rollway import preflight
from rollway.plan.observed import Observed
from rollway.preflight import Finding
from rollway.release.load import load
from rollway.release.model import Release

SOUND = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 30
      containers:
      - name: shop
        image: ghcr.io/acme/shop:1.4.0
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 2}
        lifecycle: {preStop: {sleep: {seconds: 5}}}
"""
PARSED = list(yaml.safe_load_all(SOUND))
# as the product reads: by libyaml, where PyYAML has it
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
Spoil = Callable[["Written"], None]
Told = Callable[[str, Iterable[Finding]], None]
"""Holds all that is found in a case of that name to a golden file: the fixture `told`."""


class Written:
    """The manifests as data, to be changed, and the release file's other keys."""

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = copy.deepcopy(PARSED)
        self.file: dict[str, Any] = {}

    @property
    def service(self) -> dict[str, Any]:
        return next(obj for obj in self.objects if obj["kind"] == "Service")

    @property
    def deployment(self) -> dict[str, Any]:
        return next(obj for obj in self.objects if obj["kind"] == "Deployment")

    @property
    def spec(self) -> dict[str, Any]:
        return self.deployment["spec"]

    @property
    def pod(self) -> dict[str, Any]:
        return self.spec["template"]["spec"]

    @property
    def container(self) -> dict[str, Any]:
        return self.pod["containers"][0]

    def without(self, kind: str) -> None:
        self.objects = [obj for obj in self.objects if obj["kind"] != kind]

    def add(self, text: str) -> None:
        self.objects += yaml.load_all(text, Loader=LOADER)

    def release(self) -> Release:
        return loaded(yaml.dump_all(self.objects, Dumper=DUMPER, sort_keys=False), **self.file)


def loaded(manifests: str, **file: Any) -> Release:
    """The release of this text."""
    with files(manifests, **file) as path:
        return load(str(path))


@contextlib.contextmanager
def files(manifests: str, **file: Any) -> Iterator[Path]:
    """A folder with app.yaml and deploy.yaml; answers the latter."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app.yaml").write_text(manifests)
        path = Path(folder) / "deploy.yaml"
        path.write_text(yaml.dump({"manifests": ["app.yaml"], "workload": "shop", **file}, Dumper=DUMPER, sort_keys=False))
        yield path


def findings(spoil: Spoil, strategy: str | None = None, observed: Observed | None = None) -> tuple[Finding, ...]:
    written = Written()
    spoil(written)
    return preflight.findings(written.release(), strategy, observed, is_live=observed is not None)


def found(rule: str, spoil: Spoil, strategy: str | None = None, observed: Observed | None = None) -> list[Finding]:
    """What that rule finds."""
    return [finding for finding in findings(spoil, strategy, observed) if finding.id == rule]
