"""Where on this machine what the API calls 10.96.x.y, and a pod that is a process, is found."""

from __future__ import annotations

import pytest
from rollway.sandbox.api.addresses import loopback_address, loopback_port, may_listen
from rollway.sandbox.node.node import PROCESS_ADDRESSES, process_address, process_address_number


@pytest.mark.parametrize(
    ("cluster_ip", "local"),
    [("10.96.0.1", "127.96.0.1"), ("10.96.255.254", "127.96.255.254"), ("None", ""), ("", ""), ("10.97.0.1", "")],
)
def test_a_service_keeps_its_last_octets(cluster_ip: str, local: str) -> None:
    """What has no cluster IP of ours has no address here."""
    assert loopback_address(cluster_ip) == local


def test_only_privileged_ports_move() -> None:
    """80 is 8080 for who may not listen on 80; what may be used stays."""
    assert loopback_port(80, may_listen=False) == 8080
    assert loopback_port(80, may_listen=True) == 80
    assert loopback_port(8080, may_listen=False) == 8080
    assert may_listen(30000)


def test_pods_and_services_share_no_address() -> None:
    """Numbers become addresses and back; the last one is below those of the Services."""
    for number in (1, 255, 256, 70_000, PROCESS_ADDRESSES - 1):
        assert process_address_number(process_address(number)) == number
    assert process_address(5) == "127.64.0.5"
    assert process_address(PROCESS_ADDRESSES - 1) == "127.95.255.255"
    assert process_address_number("10.244.0.7") == process_address_number("127.96.0.1") == process_address_number("") == 0
