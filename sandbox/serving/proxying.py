"""The API server's way to a Service: a request is passed on to one of its ready pods, and what that answers comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import aiohttp
from aiohttp import web

from ...errors import ApiError
from ...kube.objects import ENDPOINT_SLICE, SERVICE, get, labels_of
from ..api.server import Api

_SERVICE_LABEL = "kubernetes.io/service-name"
_OWN = {"authorization", "host", "connection", "transfer-encoding", "content-length", "keep-alive"}
"""Headers that are of one connection, or for the API server itself."""


class Called(NamedTuple):
    """A Service as such a path names it: `https:shop:8443`, `shop:http`, `shop`."""

    namespace: str
    name: str
    scheme: str
    port: str
    path: str


def asked(parts: Sequence[str]) -> Called | None:
    """None where the path is none of a Service's proxy."""
    match parts:
        case ["api", "v1", "namespaces", namespace, "services", named, "proxy", *rest]:
            words = named.split(":")
            scheme, name, port = words if len(words) == 3 else ("", *words, "")[:3]
            return Called(namespace, name, scheme or "http", port, "/" + "/".join(rest))
        case _:
            return None


async def passed_on(request: web.Request, called: Called, api: Api) -> web.StreamResponse:
    """Raises ApiError, in the API server's words, where nobody can be asked."""
    address = _address(called, api)
    query = f"?{request.query_string}" if request.query_string else ""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
    try:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, f"{called.scheme}://{address}{called.path}{query}", headers=headers,
                data=await request.read(), ssl=False, allow_redirects=False,
            ) as answer,
        ):  # fmt: skip
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())
    except (aiohttp.ClientError, OSError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise _unavailable(f"error trying to reach service: dial tcp {address}: {said}") from error


def _address(called: Called, api: Api) -> str:
    """That of a ready pod, with its port."""
    service = api.get(SERVICE, called.namespace, called.name)
    ports = get(service, "spec", "ports", default=())
    fits = [each for each in ports if called.port in ("", str(each["port"]), each.get("name"))]
    if not fits or (not called.port and len(ports) > 1):
        raise _unavailable(f'no service port "{called.port}" found for service "{called.name}"')
    for piece in api.list(ENDPOINT_SLICE, called.namespace).items:
        if labels_of(piece).get(_SERVICE_LABEL) != called.name:
            continue
        port = next((each["port"] for each in piece.get("ports") or () if each.get("name", "") == fits[0].get("name", "")), None)
        for point in piece.get("endpoints") or ():
            if port and get(point, "conditions", "ready", default=True):
                return f"{point['addresses'][0]}:{port}"
    raise _unavailable(f'no endpoints available for service "{called.name}"')


def _unavailable(message: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", message)
