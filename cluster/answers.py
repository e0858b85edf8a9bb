"""What comes back from the API server, as errors in the user's words: answers that are no success, and no answers at all."""

from __future__ import annotations

import asyncio
import errno
import json
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ApiError, ClusterError, Forbidden, NotFound, Unreachable
from ..kube.objects import SECRET, VIRTUAL_SERVICE, Kind
from ..kube.secrecy import redacted
from .official import aiohttp

if TYPE_CHECKING:
    from .kubeconfig import Access

TRANSIENT = frozenset({429, 500, 502, 503, 504})
RBAC_VERBS = {"apply": "patch", "replace": "update", "logs": "get", "follow": "get", "proxy": "get"}
TEXT_SHOWN = 300
PAGE_NOT_FOUND = "404 page not found"  # the API server's words for a group, version or resource it does not know


@dataclass(frozen=True)
class Call:
    """One request. `verb` is the port's word for it; `may_repeat`: doing it twice is the same as doing it once."""

    verb: str
    method: str
    path: str
    kind: Kind | None = None
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    may_repeat: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    limit_s: float = 0.0
    most_bytes: int = 0

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


class Failed(NamedTuple):
    """A request that did not succeed: `may_pass` says that it may later, `may_be_done` that it may have been carried out."""

    error: ClusterError
    cause: BaseException | None = None
    code: int = 0
    may_pass: bool = False
    may_be_done: bool = False
    retry_after_s: float = 0.0


def refused(call: Call, code: int, text: str, retry_after: str, access: Access) -> Failed:
    """An answer with an HTTP status that is no success."""
    error = error_of(call, code, text, access)
    is_final = isinstance(error, ApiError) and error.code != code  # a 500 that is really the manifest's fault
    wait_s = float(retry_after) if retry_after.isdigit() else 0.0
    may_pass = code in TRANSIENT and not is_final
    return Failed(error, None, code, may_pass, may_be_done=may_pass and code != 429, retry_after_s=wait_s)


def error_of(call: Call, code: int, text: str, access: Access) -> ClusterError:
    if call.kind == SECRET and isinstance(call.body, dict):
        text = redacted(text, {**call.body, "apiVersion": SECRET.api_version, "kind": SECRET.name})
    status = _status(text)
    if code == 404 and not ((status or {}).get("details") or {}).get("name"):
        # a kind that is not there must not be taken from a server that is no API server: every cluster has the first two groups
        if status is None and (text.strip() != PAGE_NOT_FOUND or (call.kind and call.kind.api_version in ("v1", "apps/v1"))):
            return not_kubernetes(access, text)
        if call.kind:
            return not_served(call.kind)
    message = status.get("message", "") if status else text.strip()[:TEXT_SHOWN]
    if code == 401:
        return Unreachable(f"{access.host} does not accept the credentials of context {access.context}", hint=access.login)
    if code == 500 and "typed patch object" in message:  # server-side apply's words for a field that does not exist
        code, status = 422, {"reason": "Invalid", "message": message}
    reason = (status or {}).get("reason", "")
    error = ApiError.of(code, reason, message or f"{access.host} answered {code}", (status or {}).get("details"))
    error.hint = _hint(call, error, access)
    return error


def is_status(body: bytes) -> bool:
    """Whether it is the API server that says why not, and no server behind its proxy."""
    return _status(body) is not None


def _status(text: str | bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) and body.get("kind") == "Status" else None


def _hint(call: Call, error: ApiError, access: Access) -> str:
    if isinstance(error, Forbidden):
        return _hint_of_forbidden(call, error)
    if isinstance(error, NotFound) and error.details.get("kind") == "namespaces" and call.kind and call.kind.name != "Namespace":
        namespace = error.details.get("name", call.namespace)
        create = f"create it with `kubectl create namespace {namespace}`"
        return f"{create}, or choose another namespace or context (now: {access.context})"
    if error.code in TRANSIENT:
        return "the API server is overloaded or ill; run the same command again"
    return ""


def _hint_of_forbidden(call: Call, error: Forbidden) -> str:
    """Not every 403 is a missing right: quotas, admission and namespaces on their way out say the same."""
    if "exceeded quota" in error.message:
        return f"`kubectl describe resourcequota -n {call.namespace}` shows what is left; ask for more, or use fewer pods"
    if "being terminated" in error.message:
        return f"the namespace {call.namespace} is being deleted: choose another one, or create it again when it is gone"
    if "cannot" in error.message and call.kind:
        verb = RBAC_VERBS.get(call.verb, call.verb)
        resource = f"{call.kind.plural}.{call.kind.group}" if call.kind.group else call.kind.plural
        resource += f"/{call.subresource}" if call.subresource else ""
        where = f" -n {call.namespace}" if call.namespace else ""
        return (
            f"ask for the right to {verb} {resource}; `deploy rbac` prints the Role that is needed, "
            f"`kubectl auth can-i {verb} {resource}{where}` tells whether you have it"
        )
    return ""


def not_served(kind: Kind) -> NotFound:
    """For a kind that the cluster does not know."""
    error = NotFound(404, "NotFound", f"the cluster does not serve {kind.api_version} {kind.name}")
    if kind.group == VIRTUAL_SERVICE.group:
        error.hint = "install Istio's CRDs (`istioctl install`, or its Helm chart istio/base), or choose another strategy than ab"
    elif kind.group:
        served = f"`kubectl api-resources --api-group={kind.group}`"
        error.hint = f"install the CRD for {kind.name} first, or use a version that is served: {served}"
    return error


def no_answer(call: Call, error: BaseException, access: Access) -> Failed:
    """A request that got no answer: `error` is aiohttp's, or a TimeoutError."""
    if _is_tls(error):
        return Failed(_tls(error, access), error)
    was_sent = not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    if isinstance(error, aiohttp.InvalidURL):
        return Failed(Unreachable(f"{access.host} is no address of a cluster", hint=_others(access)), error)
    if isinstance(error, asyncio.TimeoutError):
        why = "no answer in time" if was_sent else "no connection in time"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        why = "its name cannot be resolved"
    elif isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        why = "connection refused"
    else:
        why = str(error) or type(error).__name__
    doubt = "whether it was carried out is not known" if was_sent and call.is_write else ""
    summary = f"{access.host} (context {access.context}) cannot be reached: {why}"
    unreachable = Unreachable(summary, detail=doubt, hint=_others(access), may_pass=True)
    return Failed(unreachable, error, may_pass=True, may_be_done=was_sent)


def not_kubernetes(access: Access, text: str) -> Unreachable:
    """For a success that is not JSON: a proxy's login page, another server."""
    seen = " ".join(text.split())[:80] or "an empty answer"
    return Unreachable(f"{access.host} does not answer as a Kubernetes API server: {seen}", hint=_others(access))


def _is_tls(error: BaseException) -> bool:
    return isinstance(error, aiohttp.ClientSSLError | ssl.SSLError) or "[SSL" in str(error)


def _tls(error: BaseException, access: Access) -> Unreachable:
    summary = f"no trusted connection to {access.host} (context {access.context}): {error}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        hint = (
            "the kubeconfig's certificate authority is not this cluster's, or a certificate has expired: fetch a new kubeconfig"
        )
    elif "alert" in str(error).lower():
        hint = f"the server refuses the client certificate; {access.login}"
    else:
        hint = "is that an https address of a Kubernetes API server, and is no proxy in between?"
    return Unreachable(summary, hint=hint)


def _others(access: Access) -> str:
    others = ", ".join(name for name in access.contexts if name != access.context)
    other = f"; other contexts: {others}" if others else ""
    return f"is the cluster up, and the VPN or proxy to it? `kubectl --context {access.context} cluster-info`{other}"
