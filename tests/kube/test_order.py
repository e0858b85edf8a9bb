"""In which order objects are applied."""

from __future__ import annotations

import itertools
import random

from rollway.kube.order import in_order

NEEDED_FIRST = (
    ("v1", "Namespace"), ("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"), ("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"), ("example.com/v1", "Database"), ("apps/v1", "Deployment"), ("batch/v1", "Job"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"), ("networking.k8s.io/v1", "Ingress"),
)  # fmt: skip


def made(api_version: str, kind: str, name: str = "a") -> dict[str, object]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def test_what_is_needed_comes_first_however_it_is_written() -> None:
    """A namespace before what is in it, a kind before its objects, accounts and configuration before their users, routes last."""
    wanted = [made(*kind) for kind in NEEDED_FIRST]
    for seed in range(20):
        shuffled = random.Random(seed).sample(wanted, len(wanted))

        assert in_order(shuffled) == wanted


def test_alike_ones_stay_as_written() -> None:
    """Of one kind, and of kinds that nobody knows."""
    unknown = [made("example.com/v1", kind, name) for kind, name in itertools.product(("B", "A"), ("2", "1"))]

    assert in_order(unknown) == unknown


def test_a_kind_is_its_group_and_name() -> None:
    """A Service of another group is no Service."""
    found = in_order([made("serving.knative.dev/v1", "Service"), made("v1", "Service")])

    assert [obj["apiVersion"] for obj in found] == ["v1", "serving.knative.dev/v1"]
