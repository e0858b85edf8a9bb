"""A folder of services for the tests that release several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations:
        sandbox.rollway.dev/behaviour: "{{pull: 0.1s, stop: 0.1s}}"
        sandbox.rollway.dev/versions: "{{bad: {{fails: crash, exitCode: 1, log: 'KeyError: PAYMENT_URL'}}, slow: {{pull: 5s}}}}"
    spec:
      containers: [{{name: {name}, image: "ghcr.io/acme/{name}:{tag}"}}]
"""


def service(
    folder: Path,
    name: str,
    *,
    tag: str = "1.0.0",
    after: Sequence[str] = (),
    strategy: str = "ramped",
    file: str = "",
    more: str = "",
) -> Path:
    """Writes NAME/deploy.yaml and its manifest; answers the release file. `more` is put into it as it is."""
    home = folder / name
    (home / "k8s").mkdir(parents=True, exist_ok=True)
    (home / "k8s" / "app.yaml").write_text(DEPLOYMENT.format(name=name, tag=tag))
    path = home / (file or "deploy.yaml")
    path.write_text(
        f"app: {name}\nnamespace: shop\nmanifests: [k8s/]\nstrategy: {strategy}\ndependsOn: [{', '.join(after)}]\n"
        f"strategies: {{ramped: {{progressDeadlineSeconds: 10}}}}\n{more}"
    )
    return path
