"""What a node gives its pods and says about them: addresses, full names of images, what is missing."""

from __future__ import annotations

from ...kube.objects import CONFIG_MAP, POD, Obj, get
from ..store.store import Store


def address_of(number: int) -> str:
    """The address of the pod with this number: 10.244.0.0 and on."""
    return f"10.{number >> 16 & 255 ^ 244}.{number >> 8 & 255}.{number & 255}"


def address_number(address: str) -> int:
    """The number of an address, 0 where it is none of ours."""
    parts = [int(part) for part in address.split(".")] if address else []
    return (parts[1] ^ 244) << 16 | parts[2] << 8 | parts[3] if len(parts) == 4 else 0


PROCESS_ADDRESSES = 1 << 21  # 127.64.0.0/11: 127.96 and on is for Services


def process_address(number: int) -> str:
    """The address of a pod that is a process of this machine: 127.64.0.0 and on, each on the loopback."""
    number %= PROCESS_ADDRESSES
    return f"127.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def process_address_number(address: str) -> int:
    """The number of such an address, 0 where it is none."""
    parts = [int(part) for part in address.split(".")] if address else []
    is_ours = len(parts) == 4 and parts[0] == 127 and 64 <= parts[1] < 96
    return (parts[1] - 64) << 16 | parts[2] << 8 | parts[3] if is_ours else 0


class Addresses:
    """Which addresses pods get: modelled ones 10.244.x.y, processes one of the loopback. Numbers go up, and come again late."""

    def __init__(self, store: Store, processes_from: int = 1) -> None:
        """`processes_from`: the number after which those of processes begin, where there are none yet."""
        self._store = store
        known = [get(pod, "status", "podIP", default="") for pod in store.list(POD)]
        self._last = max((address_number(address) for address in known if self._is_modelled(address)), default=1)
        self._last_process = max(map(process_address_number, known), default=0) or processes_from

    def of(self, pod: Obj, *, is_modelled: bool) -> str:
        """The pod's own, or a new one."""
        if known := get(pod, "status", "podIP", default=""):
            return str(known)
        if is_modelled:
            self._last += 1
            return address_of(self._last)
        taken = {get(each, "status", "podIP") for each in self._store.list(POD)}
        while True:
            self._last_process = max(self._last_process + 1, 2) % PROCESS_ADDRESSES
            if (address := process_address(self._last_process)) not in taken:
                return address

    def is_modelled(self, pod: Obj) -> bool:
        """Whether the pod has begun, as a modelled one."""
        return self._is_modelled(get(pod, "status", "podIP", default=""))

    @staticmethod
    def _is_modelled(address: str) -> bool:
        return bool(address) and not process_address_number(address)


def full_image_name(image: str) -> str:
    """With the registry and folder that are meant where none is written."""
    registry, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if "." in registry or ":" in registry or registry == "localhost" else f"docker.io/{image}"


def no_such_image(image: str) -> str:
    """What a registry says of an image that it does not have, as the container runtime passes it on."""
    full = full_image_name(image)
    cause = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {full}: not found'
    return f"rpc error: code = NotFound desc = {cause}"


def missing_config(store: Store, pod: Obj) -> str:
    """What a container that cannot be configured misses: the first reference that leads nowhere, or an invented one."""
    spec, namespace = pod["spec"]["containers"][0], pod["metadata"]["namespace"]
    names = [get(each, "configMapRef", "name") for each in spec.get("envFrom") or ()]
    names += [get(each, "valueFrom", "configMapKeyRef", "name") for each in spec.get("env") or ()]
    missing = [name for name in names if name and store.find(CONFIG_MAP, namespace, name) is None]
    return f'configmap "{missing[0] if missing else pod["spec"]["containers"][0]["name"] + "-config"}"'
