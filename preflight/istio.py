"""Istio's routes: every request has one, and every one leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ApiError
from ..kube.objects import DEPLOYMENT, DESTINATION_RULE, SERVICE, SERVICE_ENTRY, VIRTUAL_SERVICE, Obj, get, is_a
from ..kube.printed import labels_text
from ..kube.ssa import refuse_misfits, type_of
from ..plan.marks import is_ours
from ..release.model import key_of
from ..release.yamlfile import Path
from ..routing import claims
from ..routing.istio import routes_of, rules_of, split, splits_http
from ..routing.matches import Undecided
from ..routing.routers.istio import Istio
from ..routing.subsets import is_host
from ..routing.traffic import Host, Traffic
from ..routing.unfit import unfits
from .case import Case, mapping, mappings, named, texts
from .makers import chooses, has_others, makers
from .model import Edit, Found


def no_default_route(case: Case) -> Iterator[Found]:
    for routes in case.written(VIRTUAL_SERVICE):
        rules = mappings(routes, "spec", "http")
        if not rules or any(_is_default(rule) for _, rule in rules):
            continue
        target = next((rule["route"] for _, rule in rules if isinstance(rule.get("route"), list)), None)
        at: Path = ("spec", "http", len(get(routes, "spec", "http")))
        yield Found(
            routes,
            ("spec", "http"),
            f"{named(routes)} has a match on each of its {len(rules)} routes: what matches none is answered 404",
            (Edit(key_of(routes), at, {"route": target}),) if target else (),
            hint="add a route without a match, as the last one",
        )


def _is_default(rule: Obj) -> bool:
    """Without a match, or with one that everything passes."""
    terms = rule.get("match")
    if not terms:
        return True
    return any(not term or term == {"uri": {"prefix": "/"}} for _, term in mappings(rule, "match"))


def header_upper_case(case: Case) -> Iterator[Found]:
    for routes in case.written(VIRTUAL_SERVICE):
        for path, match in _matches(routes):
            for key in ("headers", "withoutHeaders"):
                headers: Obj = match[key] if isinstance(match.get(key), dict) else {}
                for name in headers:
                    if name != name.lower():
                        at = (*path, key)
                        edits = (
                            Edit(key_of(routes), (*at, name), is_removal=True),
                            Edit(key_of(routes), (*at, name.lower()), headers[name]),
                        )
                        clean = edits if name.lower() not in headers else ()
                        yield Found(
                            routes, (*at, name), f"header {name} is not in lower case", clean, hint=f"write {name.lower()}"
                        )


def _matches(routes: Obj) -> Iterator[tuple[Path, Obj]]:
    for place, rule in mappings(routes, "spec", "http"):
        for term, match in mappings(rule, "match"):
            yield ("spec", "http", place, "match", term), match


def weights_off(case: Case) -> Iterator[Found]:
    for routes in case.written(VIRTUAL_SERVICE):
        for at, rule in _rules(routes):
            weights = [target.get("weight", 0) for _, target in mappings(rule, "route")]
            if len(weights) < 2 or not all(isinstance(weight, int) for weight in weights) or sum(weights) == 100:
                continue
            total = sum(weights)
            shares = "no target gets anything" if not total else f"their shares are of {total}, not of 100"
            yield Found(
                routes, (*at, "route"),
                f"the weights {' + '.join(map(str, weights))} are {total} together: {shares}",
                hint="make them 100 together", severity="error" if total == 0 else None,
            )  # fmt: skip


def _rules(routes: Obj) -> Iterator[tuple[Path, Obj]]:
    """Each rule by which a VirtualService sends requests, with its path."""
    for kind in ("http", "tcp", "tls"):
        yield from ((("spec", kind, place), rule) for place, rule in mappings(routes, "spec", kind))


def host_unknown(case: Case) -> Iterator[Found]:
    services = {obj["metadata"]["name"] for obj in case.all(SERVICE)}
    entries = {host for entry in case.all(SERVICE_ENTRY) for host in texts(entry, "spec", "hosts")}
    for routes in case.written(VIRTUAL_SERVICE):
        for path, target in _destinations(routes):
            host = target["host"]
            if host in entries or not _is_local(case, host) or any(_is(case, host, name) for name in services):
                continue
            where = f"the manifests and namespace {case.release.namespace}" if case.is_live else "the manifests"
            yield Found(
                routes,
                (*path, "host"),
                f"{named(routes)} routes to {host}, and {where} have no Service {host.partition('.')[0]}",
                hint="add the Service, or name one that is there",
                severity="error" if case.is_live else "warning",
            )


def subset_unknown(case: Case) -> Iterator[Found]:
    rules = list(case.all(DESTINATION_RULE))
    for routes in case.written(VIRTUAL_SERVICE):
        for path, target in _destinations(routes):
            subset, host = target.get("subset"), target["host"]
            if not isinstance(subset, str) or not _is_local(case, host):
                continue
            found = rules_of(rules, Host(host.partition(".")[0], case.release.namespace))
            if not found:
                yield Found(
                    routes, (*path, "subset"),
                    f"{named(routes)} routes to subset {subset} of {host}, and no DestinationRule is for that host",
                    hint=f"add a DestinationRule for {host} with the subset {subset}",
                    severity="error" if case.is_live or case.strategy == "ab" else "warning",
                )  # fmt: skip
                continue
            known = [str(each.get("name")) for rule in found for _, each in mappings(rule, "spec", "subsets")]
            if subset not in known:
                has = f"{' and '.join(map(named, found))} {'has' if len(found) == 1 else 'have'} {', '.join(known) or 'none'}"
                yield Found(
                    routes, (*path, "subset"),
                    f"{named(routes)} routes to subset {subset} of {host}; {has}",
                    hint="name one of them, or add it to the rule",
                )  # fmt: skip


def subset_empty(case: Case) -> Iterator[Found]:
    """While two versions run, subsets reach both; at the end they are as the manifests have them."""
    own = {service["metadata"]["name"] for service in case.release.services}
    if has_others(case.release.manifests):
        return  # an operator may make pods of any labels
    there = (*case.makers, *makers(_of_others(case)))
    for routes in case.written(VIRTUAL_SERVICE):
        for path, weight, target in _shares(routes):
            subset, host = target.get("subset"), str(target.get("host", ""))
            name = host.partition(".")[0]
            if not isinstance(subset, str) or name not in own or not _is_local(case, host):
                continue
            for labels in _labels_of(case, Host(name, case.release.namespace), subset):
                if not any(chooses(labels, maker) for maker in there):
                    yield Found(
                        routes, (*path, "subset"),
                        f"{named(routes)} sends {weight}% to subset {subset} of {host}, and no pod has its labels, "
                        f"{labels_text(labels)}",
                        hint="let the subset choose by what every version has, or leave the route to it out: canary and ab share "
                        "requests by themselves",
                    )  # fmt: skip


def _of_others(case: Case) -> Iterator[Obj]:
    """Live Deployments that the release does not replace."""
    for live in case.live(DEPLOYMENT):
        if live["metadata"]["name"] != case.workload["metadata"]["name"] and not is_ours(live, case.release.app):
            yield live


def _labels_of(case: Case, host: Host, subset: str) -> Iterator[Obj]:
    for rule in rules_of(list(case.all(DESTINATION_RULE)), host):
        yield from (mapping(each, "labels") for _, each in mappings(rule, "spec", "subsets") if each.get("name") == subset)


def _shares(routes: Obj) -> Iterator[tuple[Path, int, Obj]]:
    """Each target that gets some of a route's requests, with its path and its weight: an only one gets all, of several one gets
    what it says."""
    for at, rule in _rules(routes):
        targets = mappings(rule, "route")
        for index, target in targets:
            weight = target.get("weight", 0) if len(targets) > 1 else 100
            if isinstance(weight, int) and weight:
                yield (*at, "route", index, "destination"), weight, mapping(target, "destination")


def routed_elsewhere(case: Case) -> Iterator[Found]:
    """What a cluster was asked for: others' routes and rules for the host that ab is to split."""
    service = case.chosen.app.primary
    if case.strategy != "ab" or service is None:
        return
    host = case.chosen.app.host
    for obj in claims.foreign(case.observed.elsewhere or (), case.release.others, host, case.release.app):
        yield Found(
            service,
            ("metadata", "name"),
            f"{claims.told(obj, host)} already, and is not in the manifests",
            hint="take it into the manifests, so that ab splits it as well, or delete it",
        )


def unsplittable(case: Case) -> Iterator[Found]:
    objects = [obj for obj in case.release.others if is_a(obj, VIRTUAL_SERVICE) or is_a(obj, DESTINATION_RULE)]
    if not objects or not case.release.services or not all(map(is_shaped, objects)):
        return
    host, is_ab = case.chosen.app.host, case.strategy == "ab"
    for obj, path, message, hint in unfits(objects, host):
        if is_ab or path == ("spec", "host"):
            yield Found(obj, path, message, hint=hint, severity="error" if is_ab else "warning")
    users, ab = routes_of(objects, host) if is_ab else [], case.release.options.ab
    gets_some = bool(ab.weight) or claims.needs_own(users, host) or case.router != Istio.name
    for routes in users:
        try:
            gets_some |= split(routes, host, Traffic(0, ab.match)) != split(routes, host, Traffic(0))
        except Undecided as both:
            gets_some = True
            message = f"a match of ab and one of {named(routes)} cannot be written as one: {both}"
            hint = "let ab tell requests apart by something that the route does not ask for, such as another header"
            yield Found(routes, ("spec", "http"), message, hint=hint)
    if any(splits_http(routes, host) for routes in users) and not gets_some:
        message = (
            f"no route of {' and '.join(map(named, users))} takes a request that ab's match takes: its variant would get none"
        )
        hint = "match what the routes to the host take, or add a route that takes it"
        yield Found(users[0], ("spec", "http"), message, hint=hint, severity="warning")


def is_shaped(obj: Obj) -> bool:
    """Whether it has Istio's types all through: what has not is another rule's."""
    try:
        refuse_misfits(obj, type_of(obj))
    except ApiError:
        return False
    pending: list[Any] = [obj]
    while pending:
        value = pending.pop()
        if value is None:
            return False
        pending += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return True


def _destinations(routes: Obj) -> Iterator[tuple[Path, Obj]]:
    """Where requests are sent, mirrors included, each with its path."""
    for at, rule in _rules(routes):
        for index, target in mappings(rule, "route"):
            yield from _named((*at, "route", index, "destination"), target.get("destination"))
        yield from _named((*at, "mirror"), rule.get("mirror"))
        for index, target in mappings(rule, "mirrors"):
            yield from _named((*at, "mirrors", index, "destination"), target.get("destination"))


def _named(path: Path, destination: Any) -> Iterator[tuple[Path, Obj]]:
    if isinstance(destination, dict) and isinstance(destination.get("host"), str):
        yield path, destination


def _is_local(case: Case, host: str) -> bool:
    """Whether it can only be a Service of the release's own namespace: others' are not ours to know."""
    return "." not in host or _is(case, host, host.partition(".")[0])


def _is(case: Case, host: str, service: str) -> bool:
    return is_host(host, Host(service, case.release.namespace))
