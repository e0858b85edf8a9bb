"""The API server of the embedded cluster, without its HTTP: reading, writing, defaults, validation, field ownership.

Answers and errors are those of Kubernetes. Objects are answered as they are stored and shared with the store: nobody may change
one in place. Each write is synchronous; whoever watches the store has seen it when the call returns.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any

from ...errors import ApiError
from ...kube import codec, objects, ssa
from ...kube.clock import timestamp
from ...kube.conversion import converted
from ...kube.objects import JOB, NAMESPACE, POD, SERVICE, Kind, Obj, copied, get
from ...kube.validation import checks
from ...kube.validation.dispatch import refuse_beside
from ..store.refusals import bad_request, exists_already, forbidden, modified_meanwhile, not_found, other_uid
from ..store.store import Store
from . import addresses, admission, bindings, claims, daemonsets, eviction, resizing, scale, selectors, unacted
from .admission import podsecurity
from .conditions import check_namespace, check_version
from .deletion import Propagation, finished
from .deletion import delete as delete_in
from .jobs import choose_own_pods, label_as_pods
from .kept import keep_server_fields, without_times
from .names import suffix
from .options import Options, check_patch_options
from .paging import Expired, Page, Start, place_of, start_of
from .registry import Rules, rules_of
from .settling import settle
from .shape import BuiltIn, Shape, shape_of
from .typed import check_apply_target, decoded, decoded_patch, fit_name, fit_namespace, patched

SCALE = BuiltIn(scale.SCALE, Rules())
LASTING = ("default", "kube-system", "kube-public")


def bootstrap(store: Store, now: datetime) -> None:
    """The namespaces that every cluster has. Idempotent."""
    api = Api(store, lambda: now)
    for name in (*LASTING, "kube-node-lease"):
        if store.find(NAMESPACE, "", name) is None:
            api.create(NAMESPACE, "", {"metadata": {"name": name}}, manager="kube-apiserver")


class Api:
    """`now` tells the time of the cluster. What is random (addresses, name suffixes) follows from `seed`. `admit` is given new
    pods, and answers them as they are let in.
    """

    def __init__(
        self, store: Store, now: Callable[[], datetime], *, seed: int = 0, admit: Callable[[Obj], Obj] | None = None
    ) -> None:
        self.store, self._now = store, now
        self._random, self._admit_pod = Random(seed), admit

    def _shape(self, kind: Kind) -> Shape:
        return shape_of(kind, self.store.customs.get(kind))

    # reading

    def get(self, kind: Kind, namespace: str, name: str, *, subresource: str = "") -> Obj:
        """Raises NotFound. Custom resources are answered in the version asked for."""
        live = _in_version(kind, self.store.get(kind, namespace, name))
        return scale.of(live, self._shape(kind).scale) if subresource == "scale" else live

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
        is_exact: bool = False,
    ) -> Page:
        """In the order of namespace and name. A later page, and an exact `resource_version`, show the list as it was then.

        Raises ApiError: 400 for selectors, tokens and versions that cannot be understood, 410 for versions that are forgotten.
        """
        chosen = self.predicate(kind, label_selector, field_selector)
        start = start_of(continue_, resource_version)
        if resource_version and not resource_version.isdigit():
            why = f'strconv.ParseUint: parsing "{resource_version}": invalid syntax'
            problem = checks.invalid("resourceVersion", resource_version, why)
            raise bad_request(f"invalid resource version: {problem.field}: {problem.text}")
        at = int(resource_version) if is_exact else start.version
        version = at if at > 0 else self.store.version
        found = self.store.list(kind, namespace) if at <= 0 else self.store.at(kind, namespace, at)
        if found is None:
            raise Expired(start if continue_ else None)
        items = sorted((obj for obj in found if chosen(obj)), key=place_of)
        items = [_in_version(kind, obj) for obj in items if place_of(obj) > start.place]
        if limit <= 0 or len(items) <= limit:
            return Page(items, version)
        is_whole = not label_selector and not field_selector
        further = Start(place_of(items[limit - 1]), version).token()
        return Page(items[:limit], version, further, len(items) - limit if is_whole else None)

    def predicate(self, kind: Kind, label_selector: str, field_selector: str) -> selectors.Predicate:
        by_label = selectors.label_predicate(label_selector)
        by_field = selectors.field_predicate(field_selector, kind, self._shape(kind).selectable)
        return lambda obj: by_label(obj) and by_field(obj)

    # writing

    def create(self, kind: Kind, namespace: str, body: Mapping[str, Any], **options: Any) -> Obj:
        """Raises Conflict (AlreadyExists), Invalid, NotFound (no such namespace), ApiError (400)."""
        asked, shape = Options(**options), self._shape(kind)
        obj = decoded(shape, body, asked)
        fit_namespace(kind, obj, namespace)
        if get(obj, "metadata", "resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        meta = obj["metadata"]
        for name in ("uid", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"):
            meta.pop(name, None)
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"][:58] + suffix(self._random)
        shape.fill(obj)
        if kind.is_a(objects.DAEMON_SET):
            daemonsets.begin(obj, number=0)
        check_namespace(self.store, kind, obj, namespace)
        obj["metadata"]["managedFields"] = ssa.track_update(
            None, obj, asked.manager, now=self._timestamp(), ignored=shape.rules.ignored(""), type_=shape.owned
        )
        return self._create(kind, obj, asked)

    def update(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any], **options: Any) -> Obj:
        """Replaces the object, or with a `subresource` its status or scale. Raises Conflict where the version is not
        the live one.
        """
        asked, shape = Options(**options), self._shape(kind)
        if asked.subresource == "scale":
            return self._rescale(kind, namespace, name, decoded(SCALE, body, asked), asked)
        obj = decoded(shape, body, asked)
        fit_namespace(kind, obj, namespace)
        fit_name(obj, name)
        live = self.store.find(kind, namespace, name)
        if live is None:
            if shape.rules.creates_on_update:
                if uid := get(obj, "metadata", "uid"):
                    # who names the object it means does not mean a new one
                    nothing = {"metadata": {"namespace": namespace, "name": name, "uid": ""}}
                    raise other_uid(kind, nothing, uid, is_custom=False)
                return self.create(kind, namespace, body, **options)
            raise not_found(kind, name)
        shape.fill(obj)
        return self._replace(kind, live, obj, asked)

    def patch(self, kind: Kind, namespace: str, name: str, patch: Any, type_: str = "merge", **options: Any) -> Obj:
        """`type_` is merge, strategic, json or apply. An apply creates what is not there. Raises ApplyConflict, Invalid,
        NotFound, Conflict.
        """
        asked = Options(**options)
        check_patch_options(type_, asked)
        if type_ in ("merge", "strategic") and not isinstance(patch, Mapping):
            seen = codec.json_kind(patch)
            raise bad_request(
                f"error decoding patch: json: cannot unmarshal {seen} into Go value of type map[string]interface {{}}"
            )
        if type_ == "apply" and asked.subresource == "scale":
            return self._apply_scale(kind, namespace, name, patch, asked)
        if type_ == "apply":
            return self._apply(kind, namespace, name, patch, asked)
        live, shape = self.store.get(kind, namespace, name), self._shape(kind)
        if asked.subresource == "scale":
            wanted = decoded_patch(SCALE, patched(SCALE, scale.of(live, shape.scale), patch, type_), patch, type_, asked)
            return self._rescale(kind, namespace, name, wanted, asked)
        obj = decoded_patch(shape, patched(shape, _in_version(kind, live), patch, type_), patch, type_, asked)
        fit_namespace(kind, obj, namespace)
        fit_name(obj, name)
        shape.fill(obj)
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
        if kind.is_a(NAMESPACE) and name in LASTING:
            raise forbidden(kind, name, "this namespace may not be deleted")
        if dry_run:
            return _in_version(kind, live)
        way = rules_of(kind).dependents(live, propagation)
        gone = delete_in(
            self.store, kind, namespace, name, now=self._now(), propagation=way, grace_s=grace_s, uid=uid,
            resource_version=resource_version,
        )  # fmt: skip
        return _in_version(kind, gone)

    def delete_collection(
        self, kind: Kind, namespace: str, *, label_selector: str = "", field_selector: str = "", dry_run: bool = False,
        propagation: Propagation = "", **how: Any,
    ) -> Page:  # fmt: skip
        """Deletes all that is selected, and answers what was there."""
        page = self.list(kind, namespace, label_selector=label_selector, field_selector=field_selector)
        for obj in page.items if not dry_run else ():
            meta = obj["metadata"]
            way = rules_of(kind).dependents(obj, propagation)
            delete_in(self.store, kind, meta.get("namespace", ""), meta["name"], now=self._now(), propagation=way, **how)
        return page._replace(version=self.store.version)

    def evict(self, namespace: str, name: str, body: Mapping[str, Any] | None = None, *, dry_run: bool = False) -> None:
        """Deletes a pod unless a disruption budget forbids it (429)."""
        eviction.evict(self.store, namespace, name, body or {}, self._now(), dry_run=dry_run)

    def bind(self, namespace: str, asked: Obj, *, dry_run: bool = False) -> None:
        """Gives a pod the node that a Binding names."""
        bindings.bind(self.store, namespace, asked, self._now(), dry_run=dry_run)

    # inside: writing

    def _create(self, kind: Kind, obj: Obj, asked: Options) -> Obj:
        shape = self._shape(kind)
        rules, meta = shape.rules, obj["metadata"]
        meta["creationTimestamp"] = self._timestamp()
        if rules.has_generation:
            meta["generation"] = 1
        if rules.has_status and not kind.is_a(objects.NODE):  # who brings a node says what it has
            obj.pop("status", None)
            if rules.is_custom:
                shape.fill(obj)
            else:
                obj |= decoded(shape, {"metadata": meta}, Options(), only="status")
        if not meta["managedFields"]:
            del meta["managedFields"]
        self._admit(kind, obj, asked)
        if kind.is_a(SERVICE):
            addresses.allocate(obj, self.store.list(SERVICE), self._random)
        shape.refuse_new(obj)
        self._warn(shape, obj, asked)
        if kind.is_a(JOB):
            label_as_pods(obj)
        if asked.dry_run:
            if self.store.find(kind, meta.get("namespace", ""), meta["name"]) is not None:
                raise exists_already(kind, meta["name"])
            return _in_version(kind, obj | {"metadata": meta | {"uid": self._new_uid()}})
        made = self.store.create(kind, self._stored(kind, obj))
        unacted.tell(self.store, kind, made, self._now())
        return _in_version(kind, made)

    def _new_uid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _admit(self, kind: Kind, obj: Obj, asked: Options) -> None:
        asked.vet(kind, obj, None)
        if kind.is_a(POD):
            given = obj if self._admit_pod is None else self._admit_pod(obj)
            obj |= admission.admitted(self.store, given, self._random, warnings=asked.warnings)
        if kind.is_a(NAMESPACE):
            obj["spec"]["finalizers"] = ["kubernetes"]
            obj["status"] = {"phase": "Active"}
        if kind.is_a(JOB):
            obj["metadata"]["uid"] = self._new_uid()
            choose_own_pods(obj)
        settle(kind, obj, None, asked.asker)
        if kind.is_a(objects.PERSISTENT_VOLUME_CLAIM):
            claims.admit(self.store, obj)

    def _warn(self, shape: Shape, obj: Obj, asked: Options) -> None:
        asked.warnings.extend((*shape.warnings(obj), *podsecurity.warnings_of(self.store, shape.kind, obj)))

    def _replace(self, kind: Kind, live: Obj, obj: Obj, asked: Options, *, entries: Sequence[Obj] | None = None) -> Obj:
        """The common end of update and patch: what the server keeps, ownership, validation, the write."""
        shape = self._shape(kind)
        rules = shape.rules
        check_version(kind, live, obj, rules, is_patch=entries is not None)
        keep_server_fields(obj, live)
        asked.vet(kind, obj, live)
        if kind.is_a(SERVICE):
            addresses.keep(obj, live)
        if entries is None:
            given = obj["metadata"].get("managedFields")
            before = live if given is None else live | {"metadata": live["metadata"] | {"managedFields": given}}
            entries = ssa.track_update(
                _in_version(kind, before), obj, asked.manager, subresource=asked.subresource, now=self._timestamp(),
                ignored=rules.ignored(asked.subresource), type_=shape.owned,
            )  # fmt: skip
        obj = rules.reset(obj, live, asked.subresource)
        obj["metadata"]["managedFields"] = list(entries)
        if not entries:
            del obj["metadata"]["managedFields"]
        settle(kind, obj, live)
        rules.bump(obj, live, asked.subresource)
        if asked.subresource == "status":
            shape.refuse_status(obj, _in_version(kind, live))
        elif kind.is_a(POD) and asked.subresource:
            (resizing.refuse if asked.subresource == "resize" else refuse_beside)(obj, live)
            admission.check_again(self.store, obj, self._random, asked.subresource, warnings=asked.warnings)
        elif not asked.subresource:
            shape.refuse_changed(obj, _in_version(kind, live))
            self._warn(shape, obj, asked)
            if kind.is_a(SERVICE):
                addresses.allocate(obj, [each for each in self.store.list(SERVICE) if each is not live], self._random)
        obj["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        if without_times(self._stored(kind, obj)) == without_times(live):
            return _in_version(kind, live)
        if asked.dry_run:
            return _in_version(kind, obj)
        return self._commit(kind, obj)

    def _commit(self, kind: Kind, obj: Obj) -> Obj:
        stored = self._stored(kind, obj)
        meta = obj["metadata"]
        if finished(stored) and not (kind.is_a(NAMESPACE) and get(obj, "spec", "finalizers")):
            # The last finalizer is gone: this write is the deletion.
            self.store.remove(kind, meta.get("namespace", ""), meta["name"])
            return _in_version(kind, stored)
        return _in_version(kind, self.store.update(kind, stored))

    def _apply(self, kind: Kind, namespace: str, name: str, manifest: Any, asked: Options) -> Obj:
        if not isinstance(manifest, dict):
            seen = codec.json_kind(manifest)
            why = f"json: cannot unmarshal {seen} into Go value of type map[string]interface {{}}"
            raise bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {why}")
        manifest, shape = copied(manifest), self._shape(kind)
        check_apply_target(kind, manifest)
        ssa.refuse_misfits(manifest, shape.owned or ssa.type_of(manifest))  # told of the object as it is written
        fit_namespace(kind, manifest, namespace)
        manifest["metadata"].setdefault("name", name)
        fit_name(manifest, name)
        if get(manifest, "metadata", "managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        live = self.store.find(kind, namespace, name)
        if live is None:
            if asked.subresource:
                raise not_found(kind, name)
            check_namespace(self.store, kind, manifest, namespace)
        merged = ssa.apply(
            _in_version(kind, live) if live else None, manifest, asked.manager, force=asked.force, now=self._timestamp(),
            subresource=asked.subresource, ignored=shape.rules.ignored(asked.subresource), type_=shape.owned, fits=True,
        )  # fmt: skip
        entries = merged["metadata"].pop("managedFields")
        obj = decoded(shape, merged, Options(field_validation="Ignore"))
        shape.fill(obj)
        if live is None:
            if get(manifest, "metadata", "resourceVersion") or get(manifest, "metadata", "uid"):
                raise not_found(kind, name)
            obj["metadata"]["managedFields"] = entries
            return self._create(kind, obj, asked)
        return self._replace(kind, live, obj, asked, entries=entries)

    def _apply_scale(self, kind: Kind, namespace: str, name: str, manifest: Any, asked: Options) -> Obj:
        """The replicas of what is scaled, owned through the subresource."""
        check_apply_target(SCALE.kind, manifest)
        live = self.store.get(kind, namespace, name)
        wanted = decoded(SCALE, manifest, asked)
        entries = scale.applied(live, wanted, asked.manager, self._shape(kind).scale, force=asked.force, now=self._timestamp())
        return self._rescale(kind, namespace, name, wanted, asked, entries=entries)

    def _rescale(self, kind: Kind, namespace: str, name: str, wanted: Obj, asked: Options, *, entries: Sequence[Obj] = ()) -> Obj:
        live = self.store.get(kind, namespace, name)
        if get(wanted, "metadata", "resourceVersion", default="") not in ("", live["metadata"]["resourceVersion"]):
            raise modified_meanwhile(kind, name)
        replicas = get(wanted, "spec", "replicas", default=0)
        if problems := list(checks.not_negative("spec.replicas", replicas)):
            raise checks.refusal("Scale", "autoscaling", name, problems)
        shape = self._shape(kind)
        obj = scale.scaled(live, replicas, shape.scale)
        obj["metadata"]["managedFields"] = [*entries] or scale.entries(live, obj, asked.manager, shape.scale)
        shape.rules.bump(obj, live, "")
        if shape.rules.is_custom:
            shape.refuse_changed(obj, live)
        if obj["spec"] == live.get("spec") or asked.dry_run:
            return scale.of(obj, shape.scale)
        return scale.of(self.store.update(kind, obj), shape.scale)

    def _stored(self, kind: Kind, obj: Obj) -> Obj:
        """Custom resources are kept in one version, whichever they were written in."""
        known = objects.HOMES.get((kind.group, kind.name))
        if known is not None:
            return _in_version(known, obj)
        return converted(obj, custom.kept_as) if (custom := self.store.customs.get(kind)) is not None else obj

    def _timestamp(self) -> str:
        return timestamp(self._now())


def _in_version(kind: Kind, obj: Obj) -> Obj:
    return converted(obj, kind.api_version)
