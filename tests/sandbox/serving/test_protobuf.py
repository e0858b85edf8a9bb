"""Objects in protobuf, by the numbers that their fields have in the version that they are written in."""

from __future__ import annotations

from rollway.sandbox.serving import protobuf


def packed(number: int, value: bytes | int) -> bytes:
    """A field of a message, each short."""
    return bytes([number << 3, value]) if isinstance(value, int) else bytes([number << 3 | 2, len(value)]) + value


def written(api_version: str, kind: str, body: bytes) -> bytes:
    head = packed(1, api_version.encode()) + packed(2, kind.encode())
    return protobuf.MAGIC + packed(1, head) + packed(2, body)


def test_a_kind_has_its_numbers_in_each_version() -> None:
    """The fourth field of an autoscaler is a number in v1 and its metrics in v2; an Event's fields differ in its two groups."""
    spec = packed(3, 5) + packed(4, 70)
    assert protobuf.parse(written("autoscaling/v1", "HorizontalPodAutoscaler", packed(2, spec)))["spec"] == {
        "maxReplicas": 5, "targetCPUUtilizationPercentage": 70,
    }  # fmt: skip
    spec = packed(3, 5) + packed(4, packed(1, b"Resource"))
    assert protobuf.parse(written("autoscaling/v2", "HorizontalPodAutoscaler", packed(2, spec)))["spec"] == {
        "maxReplicas": 5, "metrics": [{"type": "Resource"}],
    }  # fmt: skip
    assert protobuf.parse(written("events.k8s.io/v1", "Event", packed(10, b"why")))["note"] == "why"
    assert protobuf.parse(written("v1", "Event", packed(4, b"why")))["message"] == "why"
