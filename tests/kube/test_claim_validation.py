"""What a PersistentVolumeClaim is refused for, in the API server's words."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.kube.defaults import fill
from rollway.kube.objects import PERSISTENT_VOLUME_CLAIM as CLAIM
from rollway.kube.objects import Obj
from rollway.kube.validation import dispatch


def claim(**spec: Any) -> Obj:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}} | spec
    obj = {"apiVersion": CLAIM.api_version, "kind": CLAIM.name, "metadata": {"name": "data"}, "spec": body, "status": {}}
    fill(obj)
    return obj


MODES = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"accessModes": []}, "spec.accessModes: Required value: at least 1 access mode is required"),
        ({"accessModes": ["RWO"]}, f'spec.accessModes: Unsupported value: "RWO": {MODES}'),
        (
            {"accessModes": ["ReadWriteOnce", "ReadWriteOncePod"]},
            "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
        ),
        ({"resources": {"limits": {"storage": "1Gi"}}}, "spec.resources[storage]: Required value"),
        ({"resources": {"requests": {"storage": "0"}}}, 'spec.resources[storage]: Invalid value: "0": must be greater than zero'),
        (
            {"volumeMode": "filesystem"},
            'spec.volumeMode: Unsupported value: "filesystem": supported values: "Block", "Filesystem"',
        ),
    ],
)
def test_a_claim_says_how_it_is_mounted_and_how_large_it_is(spec: Obj, why: str) -> None:
    assert [f"{each.field}: {each.text}" for each in dispatch.problems(CLAIM, claim(**spec))] == [why]


def test_a_claim_that_is_all_right() -> None:
    for spec in ({}, {"volumeMode": "Block"}, {"storageClassName": ""}, {"accessModes": ["ReadWriteOncePod"]}):
        assert not list(dispatch.problems(CLAIM, claim(**spec))), spec
