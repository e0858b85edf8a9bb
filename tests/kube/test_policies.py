"""NetworkPolicies that the API server refuses, in its words."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.kube.objects import NETWORK_POLICY
from rollway.kube.validation.dispatch import problems


def refused_policy(**spec: Any) -> list[str]:
    obj = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web", "namespace": "shop"}}
    return [f"{each.field}: {each.text}" for each in problems(NETWORK_POLICY, {**obj, "spec": {"podSelector": {}, **spec}})]


PORT = "spec.ingress[0].ports[0]"


@pytest.mark.parametrize(("port", "refusals"), [
    ({"port": 8080}, []),
    ({"port": "http"}, []),
    ({"port": 8080, "endPort": 8090, "protocol": "SCTP"}, []),
    ({"port": "8080"}, [f'{PORT}.port: Invalid value: "8080": must contain at least one letter (a-z)']),
    ({"port": "HTTP_PORT"}, [
        f'{PORT}.port: Invalid value: "HTTP_PORT": must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)',
        f'{PORT}.port: Invalid value: "HTTP_PORT": must contain at least one letter (a-z)',
    ]),
    ({"port": 0}, [f"{PORT}.port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
    ({"protocol": "HTTP"}, [f'{PORT}.protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"']),
    ({"port": "http", "endPort": 90}, [f"{PORT}.endPort: Invalid value: 90: may not be specified when `port` is non-numeric"]),
    ({"endPort": 90}, [f"{PORT}.endPort: Invalid value: 90: may not be specified when `port` is not specified"]),
    ({"port": 100, "endPort": 90}, [f"{PORT}.endPort: Invalid value: 100: must be greater than or equal to `port`"]),
])  # fmt: skip
def test_the_ports_of_a_policy(port: dict[str, Any], refusals: list[str]) -> None:
    assert refused_policy(ingress=[{"ports": [port]}]) == refusals


PEER = "spec.egress[0].to[0]"
NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@pytest.mark.parametrize(("peer", "refusals"), [
    ({"podSelector": {}}, []),
    ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, []),
    ({}, [f"{PEER}: Required value: must specify a peer"]),
    ({"ipBlock": {"cidr": "10.0.0.1"}}, [f'{PEER}.ipBlock.cidr: Invalid value: "10.0.0.1": {NO_CIDR}']),
    ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}},
     [f'{PEER}.ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`']),
    ({"ipBlock": {"cidr": "10.0.0.0/8"}, "namespaceSelector": {}},
     [f"{PEER}: Forbidden: may not specify both ipBlock and another peer"]),
])  # fmt: skip
def test_the_peers_of_a_policy(peer: dict[str, Any], refusals: list[str]) -> None:
    assert refused_policy(egress=[{"to": [peer]}]) == refusals


def test_the_directions_of_a_policy() -> None:
    wanted = 'spec.policyTypes[0]: Unsupported value: "ingress": supported values: "Egress", "Ingress"'
    assert refused_policy(policyTypes=["ingress"]) == [wanted]
