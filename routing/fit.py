"""Whether Services, what routes to them, and the pods of two versions fit together while both run.

A Service reaches pods by its selector and by the port that they listen on; an Ingress or a route reaches the Service by a name or
number of its ports. Where a version changes any of that, `bridge` gives the form in which a Service serves both versions, and
`opened` the one that has the ports of before and after until nothing routes to the former any more. Pure: manifests in and out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube import ssa
from ..kube.fieldset import Path, compact
from ..kube.objects import INGRESS, SERVICE, VIRTUAL_SERVICE, Obj, get, is_a, merged, selects, template_labels
from ..kube.printed import labels_text
from ..plan.observed import FIELD_MANAGER, TRACK_LABEL

Port = str | int
"""A name, or a number."""

GATEWAY_GROUP = "gateway.networking.k8s.io/"


class Side(NamedTuple):
    """The pods of one version. Its own `services` say which of their ports is meant."""

    version: str
    workload: Obj
    services: Sequence[Obj]

    @property
    def labels(self) -> dict[str, str]:
        return {key: value for key, value in template_labels(self.workload).items() if key != TRACK_LABEL}

    def ports(self, service: str) -> Sequence[Obj]:
        """Of this version's own Service of that name; none where it has no such Service."""
        return next((ports_of(each) for each in self.services if each["metadata"]["name"] == service), ())

    def listens(self, service: str, port: Obj, beside: Sequence[Obj] = ()) -> int | None:
        """The number behind the Service's port, one of those `beside`, as this version's own Service has it; None where it has no
        such port."""
        found = counterpart(port, self.ports(service), beside)
        return self.number(target_of(found), protocol_of(found)) if found else None

    def number(self, target: Port, protocol: str) -> int | None:
        """A targetPort on these pods; None where they do not have the name."""
        if isinstance(target, int):
            return target
        return next((number for each in self._declared for name, number in each if name == (target, protocol)), None)

    @property
    def numbers(self) -> frozenset[int]:
        """All ports at which these pods are known to listen: those that they declare, and those that their own Services mean."""
        ports = (port for service in self.services for port in ports_of(service))
        meant = (self.number(target_of(port), protocol_of(port)) for port in ports)
        return frozenset({number for declared in self._declared for _, number in declared} | {each for each in meant if each})

    def takes(self, target: Port, protocol: str, listens: int) -> bool:
        """Whether requests to this target are answered as those to the port `listens` are: it is the same one, or another that
        the same container declares for users."""
        number = self.number(target, protocol)
        beside = next((each for each in self._declared if listens in (one for _, one in each)), ())
        return number == listens or any(number == one and not is_aside(name) for (name, _), one in beside)

    @property
    def _declared(self) -> Iterator[list[tuple[tuple[str, str], int]]]:
        """Of each container: ((name, protocol), number) of its ports. Of init containers, only sidecars have any that count."""
        pod = get(self.workload, "spec", "template", "spec", default={})
        sidecars = (each for each in pod.get("initContainers") or () if each.get("restartPolicy") == "Always")
        for container in (*(pod.get("containers") or ()), *sidecars):
            ports = container.get("ports") or ()
            yield [((each.get("name") or "", protocol_of(each)), each["containerPort"]) for each in ports]


def ports_of(service: Mapping[str, Any] | None) -> list[Obj]:
    return list(get(service, "spec", "ports", default=()))


def target_of(port: Mapping[str, Any]) -> Port:
    target: Port = port.get("targetPort") or port["port"]
    return int(target) if isinstance(target, str) and target.isdecimal() else target


def protocol_of(port: Mapping[str, Any]) -> str:
    return str(port.get("protocol") or "TCP")


def counterpart(port: Obj, others: Sequence[Obj], beside: Sequence[Obj] = ()) -> Obj | None:
    """What another form of the Service has for the same requests: the port of that number, else of that name, else the only one
    where there is no more than one, which it is for one of the ports `beside` it alone; of the same protocol, whichever."""
    if found := _alike(port, others):
        return found
    is_only = len(others) == 1 and protocol_of(others[0]) == protocol_of(port)
    if not is_only or any(_alike(each, others) for each in beside):
        return None
    rivals = [each for each in beside if protocol_of(each) == protocol_of(port)] or [port]
    users = next((each for each in rivals if not is_aside(each.get("name") or "")), rivals[0])
    return others[0] if number_of(port) == number_of(users) else None


def _alike(port: Obj, others: Sequence[Obj]) -> Obj | None:
    """The port of that number, else of that name."""
    same = [other for other in others if protocol_of(other) == protocol_of(port)]
    of_number = (other for other in same if other["port"] == port["port"])
    of_name = (other for other in same if port.get("name") and other.get("name") == port["name"])
    return next(of_number, None) or next(of_name, None)


def _made_name(port: Obj) -> str:
    """What a port is called that has no name of its own, or whose name is another's by now."""
    return f"port-{port['port']}"


def is_named_here(port: Obj) -> bool:
    """Whether a live port bears such a name; anybody may have called it so, too."""
    return port.get("name") == _made_name(port)


def _form_of(port: Obj, live: Obj, forms: Iterable[Sequence[Obj]] = ()) -> Sequence[Obj]:
    """The ports among which a live one was written: of the form that has its number. Of what none of them has, one that was given
    its name here has stood alone, or another one has its name by now."""
    written = next((form for form in forms if number_of(port) in map(number_of, form)), None)
    if written is not None:
        return written
    return () if is_named_here(port) else ports_of(live)


def number_of(port: Mapping[str, Any]) -> tuple[int, str]:
    """By which no Service has two, with the protocol."""
    return port["port"], protocol_of(port)


def path_of(port: Mapping[str, Any]) -> Path:
    """Where managedFields have it."""
    return "f:spec", "f:ports", f"k:{compact(dict(zip(('port', 'protocol'), number_of(port), strict=True)))}"


def gone(live: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> list[Obj]:
    """The ports of the live Service that the other form does not have, by number."""
    coming = set(map(number_of, ports_of(wanted)))
    return [port for port in ports_of(live) if number_of(port) not in coming]


def unanswered(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """ ": whoever still asks for 80 gets no answer", where the other form lacks ports of the live Service; else empty. Of one
    whose number stays, the protocol is told."""
    numbers = {port["port"] for port in ports_of(wanted)}
    left = sorted({(port["port"], f" by {protocol_of(port)}" if port["port"] in numbers else "") for port in gone(live, wanted)})
    told = ", ".join(f"{number}{protocol}" for number, protocol in left)
    return told and f": whoever still asks for {told} gets no answer"


def as_written(live: Obj, wanted: Obj) -> list[Obj]:
    """The ports of a manifest as a patch of the live Service writes them, which takes the list whole: with what is allotted to
    them and what others have set, and without what we alone have, in patches too, and the manifest does not say. An apply leaves
    that: it takes away what applies have set."""
    former = {number_of(port): port for port in ports_of(live)}
    owners = ssa.owners_of(live)

    def is_kept(port: Obj, field: str) -> bool:
        is_others = any(owner.manager != FIELD_MANAGER for owner in owners.get((*path_of(port), f"f:{field}"), ()))
        return field in ("port", "protocol", "nodePort") or is_others

    def written(port: Obj) -> Obj:
        kept = {field: value for field, value in former.get(number_of(port), {}).items() if field in port or is_kept(port, field)}
        return merged(kept, port)

    return [written(port) for port in ports_of(wanted)]


def stated(live: Obj, wanted: Obj) -> Obj:
    """A manifest's Service that says what a port leads to, where it leaves that to the port's own number and the live one leads
    elsewhere: an apply without a word of it would leave what others have set."""
    former = {number_of(port): target_of(port) for port in ports_of(live)}

    def said(port: Obj) -> Obj:
        is_elsewhere = "targetPort" not in port and former.get(number_of(port), port["port"]) != port["port"]
        return {**port, "targetPort": port["port"]} if is_elsewhere else port

    return {**wanted, "spec": {**wanted["spec"], "ports": [said(port) for port in ports_of(wanted)]}}


def loses(port: Obj, written: Obj) -> bool:
    """Whether a port, written so, has no more what it says now: a target that is its number is what it is without a word."""
    return any(field not in written and (field != "targetPort" or target_of(port) != port["port"]) for field in port)


def is_aside(name: str) -> bool:
    """Whether a port of that name is none that users' requests come in by."""
    return any(word in name.lower() for word in ("metric", "prom", "health", "debug", "pprof", "admin"))


# one Service for both versions


class Misfit(NamedTuple):
    """Why no form of a Service serves both versions, and what would help."""

    why: str
    hint: str


def plain(service: Mapping[str, Any]) -> dict[str, str]:
    """The selector without a track: whom a Service means, whichever side it is bound to."""
    chosen = get(service, "spec", "selector", default={})
    return {key: value for key, value in chosen.items() if key != TRACK_LABEL}


def bridge(live: Obj, wanted: Obj, sides: Sequence[Side], strangers: Iterable[Mapping[str, str]] = ()) -> Obj | Misfit:
    """What has to change of the live Service (selector, ports; nothing where it does as it is) so that it serves all sides, the
    last of which is the version to come. `strangers` are the labels of pods that it must not reach.

    Of a side that it does not reach now, nothing is asked: there is nothing to lose.
    """
    *running, coming = sides
    kept = [side for side in running if selects(plain(live), side.labels)]
    chosen = _selector(live, wanted, [*kept, coming], strangers) if kept else plain(wanted)
    if isinstance(chosen, Misfit):
        return chosen
    ports: list[Obj] = []
    for port in ports_of(live):
        found = _port(live, wanted, port, kept, coming)
        if isinstance(found, Misfit):
            return found
        ports.append(found)
    changed: Obj = {}
    if chosen != plain(live):
        gone = dict.fromkeys(key for key in plain(live) if key not in chosen)
        changed["selector"] = {**gone, **chosen}
    if ports != ports_of(live):
        changed["ports"] = ports
    return {"spec": changed} if changed else {}


def _selector(live: Obj, wanted: Obj, sides: Sequence[Side], strangers: Iterable[Mapping[str, str]]) -> dict[str, str] | Misfit:
    for chosen in (plain(live), plain(wanted)):
        if all(selects(chosen, side.labels) for side in sides):
            return chosen
    first, *rest = (side.labels for side in sides)
    common = {key: value for key, value in first.items() if all(labels.get(key) == value for labels in rest)}
    name, last = wanted["metadata"]["name"], sides[-1]
    if not common:
        return Misfit(
            f"Service {name} cannot reach {sides[0].version} and {last.version} at once: their pods have no label in common",
            "give both versions a label that stays and select by it (two releases), or choose blue-green",
        )
    if other := next((labels for labels in strangers if selects(common, labels)), None):
        return Misfit(
            f"Service {name} cannot reach {sides[0].version} and {last.version} at once: what their pods have in common, "
            f"{labels_text(common)}, other pods have as well ({labels_text(other)})",
            "give both versions a label that stays and that no other pods have (two releases), or choose blue-green",
        )
    return common


def _port(live: Obj, wanted: Obj, port: Obj, running: Sequence[Side], coming: Side) -> Obj | Misfit:
    """The live port as it serves all sides that have it."""
    name, protocol = wanted["metadata"]["name"], protocol_of(port)
    now, sides = target_of(port), (*running, coming)
    form = _form_of(port, live, (side.ports(name) for side in sides))
    written = next((each for each in form if number_of(each) == number_of(port)), port)
    meant = [(side, number) for side in sides if (number := side.listens(name, written, form)) is not None]
    kept = [(side, number) for side, number in meant if side is coming or side.takes(now, protocol, number)]
    then = counterpart(written, ports_of(wanted), form)
    if then is None:
        return port  # it goes with the version before
    names = [each for declared in coming._declared for (each, of), _ in declared if of == protocol and each]
    candidates: list[Port] = [now, target_of(then), *names, *(number for _, number in kept)]
    same = (each for each in candidates if all(side.number(each, protocol) == number for side, number in kept))
    fair = (each for each in candidates if all(side.takes(each, protocol, number) for side, number in kept))
    target = next(same, None) or next(fair, None)
    if target is not None:
        return port if target == now else {**port, "targetPort": target}
    each = " and ".join(f"{number} of the pods of {side.version}" for side, number in kept)
    return Misfit(
        f"port {port.get('name') or port['port']} of Service {name} would have to lead to {each} at once",
        "name the port in both versions' containers and let targetPort be the name, so that each pod has its own (two releases), "
        "or choose blue-green, which moves pods and port in one patch",
    )


# what routes to a Service


class Backend(NamedTuple):
    """A Service that something routes to, and by which of its ports; None: by whatever it has."""

    service: str
    port: Port | None


def backends(obj: Mapping[str, Any]) -> Iterator[Backend]:
    """Whereto an Ingress, a route of the Gateway API, or a VirtualService sends requests, of its own namespace."""
    if is_a(obj, INGRESS):
        for place in _places(obj):
            port = place.get("port") or {}
            yield Backend(place["name"], port.get("name") or port.get("number"))
    elif obj["apiVersion"].startswith(GATEWAY_GROUP) and obj["kind"].endswith("Route"):
        for rule in get(obj, "spec", "rules", default=()):
            for ref in rule.get("backendRefs") or ():
                if ref.get("kind", SERVICE.name) == SERVICE.name and not ref.get("group") and "name" in ref:
                    yield Backend(ref["name"], ref.get("port"))
    elif is_a(obj, VIRTUAL_SERVICE):
        rules = [rule for kind in ("http", "tcp", "tls") for rule in get(obj, "spec", kind, default=())]
        for target in (target for rule in rules for target in rule.get("route") or ()):
            host = get(target, "destination", "host", default="")
            yield Backend(host.partition(".")[0], get(target, "destination", "port", "number"))


def _places(ingress: Mapping[str, Any]) -> Iterator[Obj]:
    """The `service` of each backend of an Ingress."""
    spec = ingress.get("spec") or {}
    paths = (path for rule in spec.get("rules") or () for path in get(rule, "http", "paths", default=()))
    for backend in (spec.get("defaultBackend"), *(path.get("backend") for path in paths)):
        if "name" in (service := get(backend, "service", default={})):
            yield service


def has(service: Mapping[str, Any], port: Port | None) -> bool:
    """Whether a Service has the port that something routes to."""
    return port is None or any(port in (each.get("name"), each["port"]) for each in ports_of(service))


def names_of(service: Mapping[str, Any]) -> list[Port]:
    """All by which something can route to its ports."""
    return [each for port in ports_of(service) for each in (port.get("name"), port["port"]) if each is not None]


def lacks(router: Mapping[str, Any], services: Mapping[str, Obj]) -> list[Backend]:
    """The backends whose port the Service, of those given by name, does not have."""
    return [each for each in backends(router) if each.service in services and not has(services[each.service], each.port)]


def by_number(ingress: Obj, live: Obj, wanted: Obj) -> Obj:
    """What has to change of an Ingress so that it reaches both forms of a Service: the number in place of a name that goes."""
    out = copy.deepcopy({"spec": ingress["spec"]})
    for place in _places(out):
        name = (place.get("port") or {}).get("name")
        if place["name"] != live["metadata"]["name"] or not name or has(wanted, name):
            continue
        number = next((each["port"] for each in ports_of(live) if each.get("name") == name), None)
        if has(wanted, number):
            place["port"] = {"number": number}
    return {"spec": {key: out["spec"][key] for key in ("defaultBackend", "rules") if out["spec"].get(key)}}


def opened(live: Obj, wanted: Obj, routers: Iterable[Obj]) -> Obj:
    """The Service as it is to be, with those of its former ports beside that are still routed to."""
    wanted = stated(live, wanted)
    name, coming = wanted["metadata"]["name"], ports_of(wanted)
    asked = {each.port for router in routers for each in backends(router) if each.service == name}
    gone = [port for port in ports_of(live) if not has(wanted, port["port"])]
    former = [
        port
        for port in gone
        if asked & ({port["port"], port.get("name")} - {each.get("name") for each in ports_of(wanted)} - {None})
    ]
    if not former:
        return wanted
    taken = {each.get("name") for each in coming}
    kept = []
    for port in former:
        then = counterpart(port, coming, _form_of(port, live))
        name_of_port = port.get("name") if port.get("name") not in (None, *taken) else _made_name(port)
        kept.append({**port, "name": name_of_port, **({"targetPort": target_of(then)} if then else {})})
    named = [{**each, "name": each.get("name") or _made_name(each)} for each in coming]
    return {**wanted, "spec": {**wanted["spec"], "ports": [*named, *kept]}}
