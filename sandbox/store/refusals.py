"""The Statuses that the API server refuses with, in its words. What is wrong inside an object is `checks`' and `validation`'s."""

from __future__ import annotations

from typing import Any

from ...errors import ApiError, Conflict, NotFound
from ...kube.objects import Kind, Obj


class Generic(ApiError):
    """A Status without particulars: the server answers it with empty details."""

    @property
    def status(self) -> dict[str, Any]:
        return super().status | {"details": {}}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def no_such_resource() -> ApiError:
    return Generic(404, "NotFound", "the server could not find the requested resource")


def not_allowed() -> ApiError:
    return Generic(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def ending_definition() -> ApiError:
    """Nothing new of a kind whose definition is being deleted."""
    why = "create not allowed while custom resource definition is terminating"
    return ApiError.of(405, "MethodNotAllowed", why, {})


def unsupported_body(types: str) -> ApiError:
    """`types` are the media types that would do, without their `application/`."""
    listed = ", ".join(f"application/{type_}" for type_ in types.split(", "))
    why = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return ApiError(415, "UnsupportedMediaType", why)


# about one object


def not_found(kind: Kind, name: str) -> NotFound:
    return NotFound(404, "NotFound", f'{_resource(kind)} "{name}" not found', _details(kind, name))


def exists_already(kind: Kind, name: str) -> Conflict:
    return Conflict(409, "AlreadyExists", f'{_resource(kind)} "{name}" already exists', _details(kind, name))


def modified_meanwhile(kind: Kind, name: str) -> Conflict:
    return _unfulfilled(kind, name, "the object has been modified; please apply your changes to the latest version and try again")


_STORED_AS = {"Service": "services/specs", "Node": "minions", "Ingress": "ingress"}


def other_uid(kind: Kind, live: Obj, uid: str, *, is_custom: bool) -> Conflict:
    """A write meant another object of the same name."""
    meta = live["metadata"]
    stored_as = f"{kind.group}/{kind.plural}" if is_custom else _STORED_AS.get(kind.name, kind.plural)
    key = "/".join(part for part in ("/registry", stored_as, meta.get("namespace", ""), meta["name"]) if part)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        f"UID in precondition: {uid}, UID in object meta: {meta['uid']}"
    )
    return _unfulfilled(kind, meta["name"], why)


def bound_to_another(kind: Kind, name: str, uid: str) -> Conflict:
    """A token was to end with another object of the same name."""
    why = f"the UID in the bound object reference ({uid}) does not match the UID in record."
    message = (
        f'Operation cannot be fulfilled on {kind.name} "{name}": {why} The object might have been deleted and then recreated'
    )
    return Conflict(409, "Conflict", message, {"name": name, "kind": kind.name})


def forbidden(kind: Kind, name: str, why: str, *causes: Obj) -> ApiError:
    details = _details(kind, name) | ({"causes": list(causes)} if causes else {})
    which = f'{_resource(kind)} "{name}"' if name else _resource(kind)
    return ApiError.of(403, "Forbidden", f"{which} is forbidden: {why}", details)


def namespace_ends(kind: Kind, namespace: str, name: str) -> ApiError:
    """Nothing new comes into a namespace that is being deleted."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    return forbidden(kind, name, why, cause)


def _unfulfilled(kind: Kind, name: str, why: str) -> Conflict:
    message = f'Operation cannot be fulfilled on {_resource(kind)} "{name}": {why}'
    return Conflict(409, "Conflict", message, _details(kind, name))


def _resource(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _details(kind: Kind, name: str) -> dict[str, Any]:
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in details.items() if value}
