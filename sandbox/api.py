"""The API server of the embedded cluster, without its HTTP: reading, writing, defaults, validation, field ownership.

Answers and errors are those of Kubernetes. Objects are answered as they are stored and shared with the store: nobody may change
one in place. Each write is synchronous; whoever watches the store has seen it when the call returns.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from ..errors import ApiError, NotFound
from ..kube import objects, ssa
from ..kube.clock import timestamp
from ..kube.objects import NAMESPACE, POD, SERVICE, Kind, Obj, get
from ..kube.patch import PatchFailed, go_map, json_patched, strategic_patched
from ..kube.schema import Struct, schema_of
from . import checks, codec, defaults, eviction, scale, selectors, validation
from .deletion import Propagation, finished
from .deletion import delete as delete_in
from .names import suffix
from .paging import Page, place_of, start_of, token
from .refusals import (
    Generic,
    bad_request,
    exists_already,
    modified_meanwhile,
    namespace_ends,
    not_found,
    other_uid,
    unsupported_body,
)
from .registry import RULES, Rules
from .store import Store

PATCH_TYPES = ("merge", "strategic", "json", "apply")


@dataclass(frozen=True, slots=True)
class Options:
    """How a write is asked for. `warnings` collects what the server warns of (fieldValidation Warn)."""

    manager: str = "unknown"
    force: bool = False
    dry_run: bool = False
    field_validation: str = "Warn"
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)


def bootstrap(store: Store, now: datetime) -> None:
    """The namespaces that every cluster has. Idempotent."""
    api = Api(store, lambda: now)
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        if store.find(NAMESPACE, "", name) is None:
            api.create(NAMESPACE, "", {"metadata": {"name": name}}, manager="kube-apiserver")


class Api:
    """`now` tells the time of the cluster. What is random (addresses, name suffixes) follows from `seed`."""

    def __init__(self, store: Store, now: Callable[[], datetime], *, seed: int = 0) -> None:
        self.store = store
        self._now = now
        self._random = Random(seed)

    # reading

    def get(self, kind: Kind, namespace: str, name: str, *, subresource: str = "") -> Obj:
        """Raises NotFound. Custom resources are answered in the version asked for."""
        live = _in_version(kind, self.store.get(kind, namespace, name))
        return scale.of(live) if subresource == "scale" else live

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
    ) -> Page:
        """In the order of namespace and name. Raises ApiError (400) for selectors that cannot be understood."""
        chosen = self.predicate(kind, label_selector, field_selector)
        start = start_of(continue_)
        items = sorted(self.store.list(kind, namespace), key=place_of)
        items = [_in_version(kind, obj) for obj in items if chosen(obj) and place_of(obj) > start]
        if not limit or len(items) <= limit:
            return Page(items, self.store.version)
        is_whole = not label_selector and not field_selector
        further = token(self.store.version, items[limit - 1])
        return Page(items[:limit], self.store.version, further, len(items) - limit if is_whole else None)

    def predicate(self, kind: Kind, label_selector: str, field_selector: str) -> selectors.Predicate:
        by_label = selectors.label_predicate(label_selector)
        by_field = selectors.field_predicate(field_selector, kind)
        return lambda obj: by_label(obj) and by_field(obj)

    # writing

    def create(self, kind: Kind, namespace: str, body: Mapping[str, Any], **options: Any) -> Obj:
        """Raises Conflict (AlreadyExists), Invalid, NotFound (no such namespace), ApiError (400)."""
        asked = Options(**options)
        obj = self._decoded(kind, body, asked)
        _fit_namespace(kind, obj, namespace)
        if get(obj, "metadata", "resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        meta = obj["metadata"]
        for name in ("uid", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"):
            meta.pop(name, None)
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"][:58] + suffix(self._random)
        defaults.fill(obj)
        self._check_namespace(kind, obj, namespace)
        obj["metadata"]["managedFields"] = ssa.track_update(
            None, obj, asked.manager, now=self._timestamp(), ignored=RULES[kind.name].ignored("")
        )
        return self._create(kind, obj, asked)

    def update(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any], **options: Any) -> Obj:
        """Replaces the object, or with a `subresource` its status or scale. Raises Conflict where the version is not
        the live one.
        """
        asked = Options(**options)
        if asked.subresource == "scale":
            return self._rescale(kind, namespace, name, dict(body), asked)
        obj = self._decoded(kind, body, asked)
        _fit_namespace(kind, obj, namespace)
        _fit_name(obj, name)
        live = self.store.find(kind, namespace, name)
        if live is None:
            if RULES[kind.name].creates_on_update:
                return self.create(kind, namespace, body, **options)
            raise not_found(kind, name)
        defaults.fill(obj)
        return self._replace(kind, live, obj, asked)

    def patch(self, kind: Kind, namespace: str, name: str, patch: Any, type_: str = "merge", **options: Any) -> Obj:
        """`type_` is one of PATCH_TYPES. An apply creates what is not there. Raises ApplyConflict, Invalid,
        NotFound, Conflict.
        """
        asked = Options(**options)
        _check_patch_options(type_, asked)
        if type_ in ("merge", "strategic") and not isinstance(patch, Mapping):
            seen = {list: "array", str: "string", bool: "bool"}.get(type(patch), "number")
            raise bad_request(
                f"error decoding patch: json: cannot unmarshal {seen} into Go value of type map[string]interface {{}}"
            )
        if type_ == "apply":
            return self._apply(kind, namespace, name, patch, asked)
        live = self.store.get(kind, namespace, name)
        if asked.subresource == "scale":
            return self._rescale(kind, namespace, name, objects.merged(scale.of(live), patch), asked)
        patched = self._patched(kind, _in_version(kind, live), patch, type_)
        obj = self._decoded_patch(kind, patched, patch, type_, asked)
        _fit_name(obj, name)
        defaults.fill(obj)
        return self._replace(kind, live, obj, asked)

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        propagation: Propagation = "",
        grace_s: int | None = None,
        uid: str = "",
        resource_version: str = "",
        dry_run: bool = False,
    ) -> Obj:
        """The object as it is then: with its deletionTimestamp, or for the last time. `self.store.find` tells which."""
        live = self.store.get(kind, namespace, name)
        if dry_run:
            return _in_version(kind, live)
        gone = delete_in(
            self.store, kind, namespace, name, now=self._now(), propagation=propagation, grace_s=grace_s, uid=uid,
            resource_version=resource_version,
        )  # fmt: skip
        return _in_version(kind, gone)

    def delete_collection(
        self, kind: Kind, namespace: str, *, label_selector: str = "", field_selector: str = "", dry_run: bool = False, **how: Any
    ) -> Page:
        """Deletes all that is selected, and answers what was there."""
        page = self.list(kind, namespace, label_selector=label_selector, field_selector=field_selector)
        for obj in page.items if not dry_run else ():
            meta = obj["metadata"]
            delete_in(self.store, kind, meta.get("namespace", ""), meta["name"], now=self._now(), **how)
        return page._replace(version=self.store.version)

    def evict(self, namespace: str, name: str, body: Mapping[str, Any] | None = None, *, dry_run: bool = False) -> None:
        """Deletes a pod unless a disruption budget forbids it (429)."""
        eviction.evict(self.store, namespace, name, body or {}, self._now(), dry_run=dry_run)

    # inside: writing

    def _create(self, kind: Kind, obj: Obj, asked: Options) -> Obj:
        rules = RULES[kind.name]
        meta = obj["metadata"]
        meta["creationTimestamp"] = self._timestamp()
        if rules.has_generation:
            meta["generation"] = 1
        if rules.has_status:
            obj.pop("status", None)
            if not _is_custom(kind):
                obj |= self._decoded(kind, {"metadata": meta}, Options(), only="status")
        if not meta["managedFields"]:
            del meta["managedFields"]
        self._admit(kind, obj)
        validation.refuse_new(kind, obj)
        if kind == SERVICE or kind.name == SERVICE.name:
            defaults.allocate(obj, self.store.list(SERVICE), self._random)
        if asked.dry_run:
            if self.store.find(kind, meta.get("namespace", ""), meta["name"]) is not None:
                raise exists_already(kind, meta["name"])
            return _in_version(
                kind, obj | {"metadata": meta | {"uid": str(uuid.UUID(int=self._random.getrandbits(128), version=4))}}
            )
        return _in_version(kind, self.store.create(kind, _stored(kind, obj)))

    def _admit(self, kind: Kind, obj: Obj) -> None:
        if kind.name == POD.name:
            defaults.admit_pod(obj, self._random)
        if kind.name == NAMESPACE.name:
            obj["spec"]["finalizers"] = ["kubernetes"]
            obj["status"] = {"phase": "Active"}
        if kind.name == "PersistentVolumeClaim":
            obj["status"] = {"phase": "Pending"}
            obj["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection"]

    def _replace(self, kind: Kind, live: Obj, obj: Obj, asked: Options, *, entries: Sequence[Obj] | None = None) -> Obj:
        """The common end of update and patch: what the server keeps, ownership, validation, the write."""
        rules = RULES[kind.name]
        self._check_version(kind, live, obj, rules, is_patch=entries is not None)
        _keep_server_fields(obj, live)
        if kind.name == SERVICE.name:
            _keep_addresses(obj, live)
        if entries is None:
            given = obj["metadata"].get("managedFields")
            before = live if given is None else live | {"metadata": live["metadata"] | {"managedFields": given}}
            entries = ssa.track_update(
                _in_version(kind, before), obj, asked.manager, subresource=asked.subresource, now=self._timestamp(),
                ignored=rules.ignored(asked.subresource),
            )  # fmt: skip
        obj = rules.reset(obj, live, asked.subresource)
        obj["metadata"]["managedFields"] = list(entries)
        if not entries:
            del obj["metadata"]["managedFields"]
        rules.bump(obj, live, asked.subresource)
        if not asked.subresource:
            validation.refuse_changed(kind, obj, _in_version(kind, live))
            if kind.name == SERVICE.name:
                defaults.allocate(obj, [each for each in self.store.list(SERVICE) if each is not live], self._random)
        obj["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        if _without_times(_stored(kind, obj)) == _without_times(live):
            return _in_version(kind, live)
        if asked.dry_run:
            return _in_version(kind, obj)
        return self._commit(kind, obj)

    def _commit(self, kind: Kind, obj: Obj) -> Obj:
        stored = _stored(kind, obj)
        meta = obj["metadata"]
        if finished(stored) and not (kind.name == NAMESPACE.name and get(obj, "spec", "finalizers")):
            # The last finalizer is gone: this write is the deletion.
            self.store.remove(kind, meta.get("namespace", ""), meta["name"])
            return _in_version(kind, stored)
        return _in_version(kind, self.store.update(kind, stored))

    def _apply(self, kind: Kind, namespace: str, name: str, manifest: Any, asked: Options) -> Obj:
        if not isinstance(manifest, dict):
            raise bad_request("error decoding YAML: the patch is not an object")
        manifest = copy.deepcopy(manifest)
        _check_apply_target(kind, manifest)
        _fit_namespace(kind, manifest, namespace)
        _fit_name(manifest, name)
        if get(manifest, "metadata", "managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        live = self.store.find(kind, namespace, name)
        if live is None:
            if asked.subresource:
                raise not_found(kind, name)
            self._check_namespace(kind, manifest, namespace)
        merged = ssa.apply(
            _in_version(kind, live) if live else None, manifest, asked.manager, force=asked.force, now=self._timestamp(),
            subresource=asked.subresource, ignored=RULES[kind.name].ignored(asked.subresource),
        )  # fmt: skip
        entries = merged["metadata"].pop("managedFields")
        obj = self._decoded(kind, merged, Options(field_validation="Ignore"))
        defaults.fill(obj)
        if live is None:
            if get(manifest, "metadata", "resourceVersion") or get(manifest, "metadata", "uid"):
                raise not_found(kind, name)
            obj["metadata"]["managedFields"] = entries
            return self._create(kind, obj, asked)
        return self._replace(kind, live, obj, asked, entries=entries)

    def _rescale(self, kind: Kind, namespace: str, name: str, wanted: Obj, asked: Options) -> Obj:
        live = self.store.get(kind, namespace, name)
        version = get(wanted, "metadata", "resourceVersion")
        if version and version != live["metadata"]["resourceVersion"]:
            raise modified_meanwhile(kind, name)
        replicas = get(wanted, "spec", "replicas", default=0)
        problems = list(checks.not_negative("spec.replicas", replicas))
        if problems:
            raise checks.refusal("Scale", "autoscaling", name, problems)
        obj = copy.deepcopy(live)
        obj["spec"]["replicas"] = replicas
        obj["metadata"]["managedFields"] = scale.entries(live, obj, asked.manager)
        RULES[kind.name].bump(obj, live, "")
        if obj["spec"] == live["spec"] or asked.dry_run:
            return scale.of(obj)
        return scale.of(self.store.update(kind, obj))

    # inside: reading bodies

    def _decoded(self, kind: Kind, body: Any, asked: Options, *, only: str = "") -> Obj:
        """The typed object of a body. Raises ApiError (400)."""
        _check_kind(kind, body)
        meant = {**body, "apiVersion": kind.api_version, "kind": kind.name}
        if meant.get("metadata") is None:
            meant["metadata"] = {}
        try:
            obj, strict = codec.decoded(copy.deepcopy(meant) if _is_custom(kind) else meant, _type(kind))
        except codec.Misfit as problem:
            raise bad_request(_unreadable(kind, str(problem))) from None
        if strict and asked.field_validation == "Strict" and not only:
            raise bad_request(_unreadable(kind, "strict decoding error: " + ", ".join(strict)))
        if asked.field_validation == "Warn":
            asked.warnings.extend(strict)
        if _is_custom(kind) and "metadata" not in obj:
            obj["metadata"] = {}
        return {key: value for key, value in obj.items() if key == only} if only else obj

    def _patched(self, kind: Kind, live: Obj, patch: Any, type_: str) -> Obj:
        try:
            match type_:
                case "json":
                    return dict(json_patched(live, patch))
                case "strategic":
                    if _is_custom(kind):
                        raise unsupported_body("json-patch+json, merge-patch+json, apply-patch+yaml")
                    return strategic_patched(live, patch, _type(kind))
                case _:
                    return objects.merged(live, patch)
        except PatchFailed as problem:
            raise Generic(422, "Invalid", "the server rejected our request due to an error in our request") from problem

    def _decoded_patch(self, kind: Kind, patched: Any, patch: Any, type_: str, asked: Options) -> Obj:
        """What does not fit after a patch is the patch's fault: 422."""
        try:
            obj, strict = codec.decoded(patched, _type(kind))
        except codec.Misfit as problem:
            value = go_map(patch) if type_ == "strategic" else _compact(patched)
            why = _unconverted(str(problem)) if type_ == "strategic" else str(problem)
            raise checks.refusal("", "", "", [checks.invalid("patch", value, why)]) from None
        if strict and asked.field_validation == "Strict":
            value = go_map(patch) if type_ == "strategic" else _compact(patched)
            raise checks.refusal("", "", "", [checks.invalid("patch", value, "strict decoding error: " + ", ".join(strict))])
        if asked.field_validation == "Warn":
            asked.warnings.extend(strict)
        return copy.deepcopy(obj)

    # inside: conditions

    def _check_namespace(self, kind: Kind, obj: Obj, namespace: str) -> None:
        if not kind.namespaced:
            return
        space = self.store.find(NAMESPACE, "", namespace)
        if space is None:
            raise not_found(NAMESPACE, namespace)
        if "deletionTimestamp" in space["metadata"]:
            raise namespace_ends(kind, namespace, obj["metadata"].get("name", ""))

    def _check_version(self, kind: Kind, live: Obj, obj: Obj, rules: Rules, *, is_patch: bool) -> None:
        meta, was = obj["metadata"], live["metadata"]
        if (uid := meta.get("uid")) and uid != was["uid"]:
            raise other_uid(kind, live, uid, is_custom=_is_custom(kind))
        given = meta.get("resourceVersion")
        if given and given != was["resourceVersion"]:
            raise modified_meanwhile(kind, was["name"])
        if not given and not rules.updates_blindly and not is_patch:
            problem = checks.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise checks.refusal(kind.plural, kind.group, was["name"], [problem])

    def _timestamp(self) -> str:
        return timestamp(self._now())


_INTERNAL = {
    "": "core", "apps": "apps", "policy": "policy", "autoscaling": "autoscaling", "networking.k8s.io": "networking",
    "discovery.k8s.io": "discovery", "coordination.k8s.io": "coordination", "rbac.authorization.k8s.io": "rbac",
}  # fmt: skip


def _check_kind(kind: Kind, body: Any) -> None:
    """A body may leave out what it is; if it says so, it has to be what the address says."""
    version, name = body.get("apiVersion") or kind.api_version, body.get("kind") or kind.name
    if (version, name) == (kind.api_version, kind.name):
        return
    if _is_custom(kind):
        raise bad_request(_custom_mismatch(kind, version, name))
    short = version.rpartition("/")[2]
    why = f'no kind "{name}" is registered for version "{version}" in scheme "pkg/api/legacyscheme/scheme.go:30"'
    if objects.kind_of(version, name) is not None:
        why = f"converting (v1.{name}) to ({_INTERNAL.get(kind.group, kind.group)}.{kind.name}): unknown conversion"
    raise bad_request(f'{name} in version "{short}" cannot be handled as a {kind.name}: {why}')


def _custom_mismatch(kind: Kind, version: str, name: str) -> str:
    if version != kind.api_version:
        return f"the API version in the data ({version}) does not match the expected API version ({kind.api_version})"
    return f"the kind in the data ({name}) does not match the expected kind ({kind.name})"


def _unreadable(kind: Kind, why: str) -> str:
    return f'{kind.name} in version "{kind.api_version.rpartition("/")[2]}" cannot be handled as a {kind.name}: {why}'


def _unconverted(why: str) -> str:
    """A strategic patch is converted, not decoded, with other words for the same misfit."""
    seen, _, wanted = why.removeprefix("json: cannot unmarshal ").partition(" into ")
    target = wanted.rpartition(" of type ")[2]
    if target.startswith("map["):
        return f"cannot restore map from {seen}"
    if target.startswith("[]"):
        return f"cannot restore slice from {seen}"
    if target in ("int32", "int64", "bool", "string", "float64"):
        return f"unrecognized type: {target}"
    return why


def _check_patch_options(type_: str, asked: Options) -> None:
    problems = []
    if type_ == "apply" and not asked.manager:
        problems.append(checks.required("fieldManager", "is required for apply patch"))
    if type_ != "apply" and asked.force:
        problems.append(checks.forbidden("force", "may not be specified for non-apply patch"))
    if problems:
        raise checks.refusal("PatchOptions", "meta.k8s.io", "", problems)


def _check_apply_target(kind: Kind, manifest: Obj) -> None:
    for key in ("apiVersion", "kind"):
        if not manifest.get(key):
            raise bad_request(f"Object '{key[0].upper()}{key[1:]}' is missing in '{_compact(manifest)}'")
    if (manifest["apiVersion"], manifest["kind"]) != (kind.api_version, kind.name):
        group, _, version = manifest["apiVersion"].rpartition("/")
        raise bad_request(
            f"incorrect object in apply patch: {group}/{version}, Kind={manifest['kind']}, "
            f"expected {kind.group}/{kind.api_version.rpartition('/')[2]}, Kind={kind.name}"
        )
    if manifest.get("metadata") is None:
        manifest["metadata"] = {}


def _fit_namespace(kind: Kind, obj: Obj, namespace: str) -> None:
    meta = obj["metadata"]
    if kind.namespaced:
        if meta.get("namespace") not in (None, "", namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        meta["namespace"] = namespace
    else:
        meta.pop("namespace", None)


def _fit_name(obj: Obj, name: str) -> None:
    given = obj["metadata"].get("name")
    if not given:
        obj["metadata"]["name"] = name
    elif given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")


def _keep_server_fields(obj: Obj, live: Obj) -> None:
    meta, was = obj["metadata"], live["metadata"]
    for name in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        meta.pop(name, None)
        if name in was:
            meta[name] = was[name]


def _keep_addresses(obj: Obj, live: Obj) -> None:
    """A Service that is replaced without its addresses keeps them."""
    spec, was = obj["spec"], live["spec"]
    _drop_unfitting(spec, was)
    if spec.get("type") == "ExternalName" or was.get("type") == "ExternalName":
        return
    if spec.get("clusterIP") and spec["clusterIP"] != was.get("clusterIP") and spec.get("clusterIPs") == was.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]  # the old field alone was changed: the new one follows
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(name) and was.get(name):
            spec[name] = was[name]
    old_ports = {(port["port"], port.get("protocol")): port.get("nodePort") for port in was.get("ports") or ()}
    for port in spec.get("ports") or () if spec.get("type") != "ClusterIP" else ():
        if not port.get("nodePort") and (known := old_ports.get((port["port"], port.get("protocol")))):
            port["nodePort"] = known


def _drop_unfitting(spec: Obj, was: Obj) -> None:
    """What belonged to the former type of a Service goes with it, unless the update itself asks for it."""
    if spec.get("type") == was.get("type"):
        return
    unfitting = []
    if spec.get("type") == "ExternalName":
        unfitting += ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
    if spec.get("type") in ("ExternalName", "ClusterIP"):
        unfitting += ["externalTrafficPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort"]
        old_ports = [port.get("nodePort") for port in was.get("ports") or ()]
        for port in spec.get("ports") or ():
            if port.get("nodePort") in old_ports:
                port.pop("nodePort", None)
    for name in unfitting:
        if name in spec and spec[name] == was.get(name):
            del spec[name]


def _without_times(obj: Obj) -> Obj:
    """For telling whether a write changes anything: when somebody last owned a field is no change."""
    meta = dict(obj["metadata"])
    meta["managedFields"] = [
        {key: value for key, value in entry.items() if key != "time"} for entry in meta.get("managedFields") or ()
    ]
    return obj | {"metadata": meta}


def _type(kind: Kind) -> Struct:
    type_ = schema_of(kind)
    if type_ is None:
        raise NotFound(404, "NotFound", "the server could not find the requested resource")
    return type_


def _is_custom(kind: Kind) -> bool:
    return _type(kind).is_custom


def _in_version(kind: Kind, obj: Obj) -> Obj:
    return obj if obj.get("apiVersion") == kind.api_version else obj | {"apiVersion": kind.api_version}


def _stored(kind: Kind, obj: Obj) -> Obj:
    """Custom resources are kept in one version, whichever they were written in."""
    known = next((each for each in objects.KINDS if (each.group, each.name) == (kind.group, kind.name)), kind)
    return _in_version(known, obj)


def _compact(value: Any) -> str:
    return checks.shown(value)
