"""ServiceAccount: whose name a pod goes by, what it is given of the account, and the volume with its token."""

from __future__ import annotations

from random import Random

from ....kube.objects import SERVICE_ACCOUNT, Obj
from ..names import suffix
from .request import Request

_DEFAULT = "default"
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_S = 3607


def add(request: Request) -> None:
    """The account `default` comes with the namespace; any other has to be there before the pod. Raises ApiError (403)."""
    spec = request.spec
    name = spec.get("serviceAccountName") or _DEFAULT
    account = request.store.find(SERVICE_ACCOUNT, request.namespace, name)
    if request.presumes:
        return  # nobody reads a token in a rehearsal, nor looks for the account
    if account is None and name != _DEFAULT:
        why = f'error looking up service account {request.namespace}/{name}: serviceaccount "{name}" not found'
        raise request.forbidden(why)
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    if spec.get("automountServiceAccountToken", (account or {}).get("automountServiceAccountToken", True)):
        _mount_token(request, request.random)
    if account is not None and account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(each) for each in account["imagePullSecrets"]]


def _mount_token(request: Request, random: Random) -> None:
    name = f"kube-api-access-{suffix(random)}"
    is_used = False
    for container in request.containers():
        mounts = container.get("volumeMounts") or []
        if not any(mount["mountPath"] == _TOKEN_PATH for mount in mounts):
            container["volumeMounts"] = [*mounts, {"name": name, "readOnly": True, "mountPath": _TOKEN_PATH}]
            is_used = True
    if is_used:
        volume = {"name": name, "projected": {"sources": _sources(), "defaultMode": 0o644}}
        request.spec["volumes"] = [*(request.spec.get("volumes") or []), volume]


def _sources() -> list[Obj]:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_S, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
