"""One VirtualService's HTTP rules as routes. What is not understood is a Problem, never silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...kube.durations import seconds
from ...kube.objects import Obj, get
from ...kube.regexes import is_re2
from .endpoints import Place
from .istio_match import matches_of
from .model import (
    Answer,
    Balancing,
    Edits,
    Fault,
    Forward,
    Headers,
    Match,
    Mirror,
    Problem,
    Redirect,
    Retries,
    Rewrite,
    Route,
    Share,
)
from .services import Clusters, Port

ROLE = "istio"
DEFAULT_RETRIES = Retries(2, "connect-failure,refused-stream,unavailable,cancelled")
"""What Istio does where a rule says nothing of retries: a connection that is refused is tried twice more, elsewhere."""

_BALANCING: Mapping[str, Balancing] = {
    "UNSPECIFIED": "LEAST_REQUEST",
    "LEAST_CONN": "LEAST_REQUEST",
    "LEAST_REQUEST": "LEAST_REQUEST",
    "ROUND_ROBIN": "ROUND_ROBIN",
    "RANDOM": "RANDOM",
}
_REDIRECT_CODES = (301, 302, 303, 307, 308)
_SERVED = {
    "": ("hosts", "gateways", "http"),
    "http": ("name", "match", "route", "redirect", "rewrite", "timeout", "retries", "fault", "mirror", "mirrors",
             "mirror_percent", "mirrorPercent", "mirrorPercentage", "headers", "directResponse"),
    "retries": ("attempts", "perTryTimeout", "retryOn", "backoff", "retryRemoteLocalities", "retryIgnorePreviousHosts"),
    "redirect": ("uri", "authority", "port", "scheme", "redirectCode", "prefixRewrite"),
}  # fmt: skip


class Called(NamedTuple):
    """From where a route is reached: the gateway's name as it is written (or `mesh`), the gateway, the port called."""

    name: str
    gateway: Place | None
    port: int


@dataclass
class Rules:
    """What the DestinationRules say, by Service: subsets as labels, how to balance, how long to connect."""

    subsets: dict[Place, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    policies: dict[tuple[Place, str], Mapping[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @staticmethod
    def of(destination_rules: Iterable[Obj], ports: Mapping[Place, Sequence[Port]]) -> Rules:
        rules = Rules()
        for rule in destination_rules:
            meta, spec = rule["metadata"], rule["spec"]
            service = service_of(spec.get("host", ""), meta["namespace"], ports)
            if service is None:
                rules.problems.append(_of_rule(rule, f"host {spec.get('host')} is no Service here"))
                continue
            rules._policy(rule, service, "", spec.get("trafficPolicy") or {})
            for subset in spec.get("subsets") or ():
                rules.subsets.setdefault(service, {}).setdefault(subset["name"], subset.get("labels") or {})
                rules._policy(rule, service, subset["name"], subset.get("trafficPolicy") or {})
        return rules

    def _policy(self, rule: Obj, service: Place, subset: str, policy: Mapping[str, Any]) -> None:
        self.policies.setdefault((service, subset), policy)
        if unknown := [key for key in policy if key not in ("loadBalancer", "connectionPool")]:
            self.problems.append(_of_rule(rule, f"trafficPolicy: {', '.join(unknown)} is not followed"))
        balancer = policy.get("loadBalancer") or {}
        if [key for key in balancer if key != "simple"] or balancer.get("simple", "RANDOM") not in _BALANCING:
            self.problems.append(_of_rule(rule, "trafficPolicy.loadBalancer: only simple ones are followed"))
        pool = policy.get("connectionPool") or {}
        if unknown := [f"{part}.{key}" for part in pool for key in pool[part] if (part, key) != ("tcp", "connectTimeout")]:
            self.problems.append(_of_rule(rule, f"trafficPolicy.connectionPool: {', '.join(unknown)} is not followed"))

    def cluster(self, port: Port, subset: str, clusters: Clusters) -> str:
        """The subset's policy stands before the host's."""
        own, common = self.policies.get((port.service, subset), {}), self.policies.get((port.service, ""), {})
        simple = get(own, "loadBalancer", "simple") or get(common, "loadBalancer", "simple", default="UNSPECIFIED")
        timeout = get(own, "connectionPool", "tcp", "connectTimeout") or get(common, "connectionPool", "tcp", "connectTimeout")
        labels = self.subsets.get(port.service, {}).get(subset, {})
        return clusters.of(
            ROLE, port, _BALANCING.get(simple, "LEAST_REQUEST"),
            subset=(subset, labels), connect_timeout_s=seconds(timeout) if timeout else None,
        )  # fmt: skip


def service_of(host: str, namespace: str, known: Mapping[Place, Any]) -> Place | None:
    """The Service that a host means: by its short name in the object's namespace, or with its namespace; None: no such one."""
    name, _, rest = host.partition(".")
    space, _, domain = rest.partition(".")
    place = (space or namespace, name)
    return place if domain in ("", "svc", "svc.cluster.local") and place in known else None


def routes(
    obj: Obj, called: Called, ports: Mapping[Place, Sequence[Port]], rules: Rules, clusters: Clusters
) -> tuple[list[Route], list[Problem]]:
    """The rules in their order, for those who call from there."""
    meta = obj["metadata"]
    found, problems, target = list[Route](), list[Problem](), _Targets(meta["namespace"], called, ports, rules, clusters)
    for number, rule in enumerate(get(obj, "spec", "http", default=())):
        at = f"spec.http[{number}]"
        matches, wrong = matches_of(rule, called.name, called.port)
        try:
            action = _action(rule, target)
        except _Wrong as why:
            wrong = [*wrong, f"{why}; it is answered 503"]
            action = Answer(503)
        problems += [problem(obj, f"{at}: {each}") for each in wrong]
        name = f"{ROLE}/{meta['namespace']}/{meta['name']}/{rule.get('name') or number}"
        headers, fault = _headers(rule), _fault(rule)
        for match in matches:
            found.append(Route(name, match, _fitted(action, match), headers, fault))
    return found, problems


def problem(obj: Obj, message: str) -> Problem:
    meta = obj["metadata"]
    return Problem("VirtualService", meta["namespace"], meta["name"], message)


def _of_rule(rule: Obj, message: str) -> Problem:
    meta = rule["metadata"]
    return Problem("DestinationRule", meta["namespace"], meta["name"], message)


def unserved(obj: Obj) -> Iterable[Problem]:
    """Fields that ask for something that is not done."""
    spec = obj.get("spec") or {}
    for key in spec:
        if key not in _SERVED[""] and key != "exportTo":
            yield problem(obj, f"spec.{key} is not served, only http is")
    for number, rule in enumerate(spec.get("http") or ()):
        for key in rule:
            if key not in _SERVED["http"]:
                yield problem(obj, f"spec.http[{number}].{key} is not followed")
        for part in ("retries", "redirect"):
            for key in rule.get(part) or ():
                if key not in _SERVED[part]:
                    yield problem(obj, f"spec.http[{number}].{part}.{key} is not followed")
        for part in ("abort", "delay"):
            fault = get(rule, "fault", part, default={})
            if fault and not ({"httpStatus", "fixedDelay"} & set(fault)):
                yield problem(obj, f"spec.http[{number}].fault.{part}: only httpStatus and fixedDelay are followed")


class _Wrong(Exception):
    """Why a rule cannot be carried out."""


class _Targets(NamedTuple):
    """Finds the cluster of a destination."""

    namespace: str
    called: Called
    ports: Mapping[Place, Sequence[Port]]
    rules: Rules
    clusters: Clusters

    def cluster(self, destination: Mapping[str, Any]) -> str:
        host, subset = destination.get("host", ""), destination.get("subset", "")
        service = service_of(host, self.namespace, self.ports)
        if service is None:
            raise _Wrong(f"host {host} is no Service here")
        if subset and subset not in self.rules.subsets.get(service, {}):
            raise _Wrong(f"no DestinationRule has a subset {subset} of {host}")
        return self.rules.cluster(self._port(destination, service), subset, self.clusters)

    def _port(self, destination: Mapping[str, Any], service: Place) -> Port:
        """The one that is named; else the only one, or the one of the number that was called."""
        known, number = self.ports[service], get(destination, "port", "number")
        found = [port for port in known if number in (None, port.number)]
        if not found:
            raise _Wrong(f"Service {service[1]} has no port {number}")
        if len(found) > 1:
            found = [port for port in found if port.number == self.called.port]
        if not found:
            raise _Wrong(f"Service {service[1]} has several ports: the destination has to say which")
        return found[0]


def _action(rule: Obj, targets: _Targets) -> Forward | Redirect | Answer:
    if (redirect := rule.get("redirect")) is not None:
        return _redirect(redirect)
    if (direct := rule.get("directResponse")) is not None:
        return Answer(direct["status"], get(direct, "body", "string", default=""))
    shares = _shares(rule.get("route") or (), targets)
    return Forward(
        shares=shares,
        timeout_s=seconds(rule.get("timeout", "0s")),
        retries=_retries(rule.get("retries")),
        mirrors=tuple(_mirrors(rule, targets)),
        rewrite=_rewrite(rule.get("rewrite") or {}),
    )


def _shares(targets: Sequence[Obj], find: _Targets) -> tuple[Share, ...]:
    """One target has everything, whatever its weight; of several, one without a weight has nothing."""
    if not targets:
        raise _Wrong("it has no route")
    if len(targets) == 1:
        return (Share(find.cluster(targets[0]["destination"]), 1, _headers(targets[0])),)
    weighted = [each for each in targets if each.get("weight", 0) > 0]
    if not weighted:
        raise _Wrong("its weights add up to 0")
    return tuple(Share(find.cluster(each["destination"]), each["weight"], _headers(each)) for each in weighted)


def _mirrors(rule: Obj, find: _Targets) -> Iterable[Mirror]:
    if (mirror := rule.get("mirror")) is not None:
        whole = rule.get("mirrorPercent", rule.get("mirror_percent", 100))
        yield Mirror(find.cluster(mirror), float(get(rule, "mirrorPercentage", "value", default=whole)))
    for each in rule.get("mirrors") or ():
        yield Mirror(find.cluster(each["destination"]), float(get(each, "percentage", "value", default=100)))


def _retries(given: Mapping[str, Any] | None) -> Retries | None:
    if given is None:
        return DEFAULT_RETRIES
    attempts = given.get("attempts", DEFAULT_RETRIES.attempts)
    if not attempts:
        return None
    conditions = [part.strip() for part in given.get("retryOn", DEFAULT_RETRIES.conditions).split(",") if part.strip()]
    codes = tuple(int(part) for part in conditions if part.isdecimal())
    words = [part for part in conditions if not part.isdecimal()]
    if codes and "retriable-status-codes" not in words:
        words.append("retriable-status-codes")
    return Retries(
        attempts, ",".join(words), codes, seconds(given.get("perTryTimeout", "0s")), seconds(given.get("backoff", "0s"))
    )


def _redirect(given: Mapping[str, Any]) -> Redirect:
    code = given.get("redirectCode") or 301
    if code not in _REDIRECT_CODES:
        raise _Wrong(f"redirect.redirectCode {code} is none of {', '.join(map(str, _REDIRECT_CODES))}")
    return Redirect(
        code=code, path=given.get("uri", ""), prefix=given.get("prefixRewrite", ""), host=given.get("authority", ""),
        scheme=given.get("scheme", ""), port=given.get("port", 0),
    )  # fmt: skip


def _rewrite(given: Mapping[str, Any]) -> Rewrite:
    pattern = get(given, "uriRegexRewrite", "match", default="")
    if not is_re2(pattern):
        raise _Wrong(f"rewrite.uriRegexRewrite.match {pattern!r} is no regular expression of RE2")
    return Rewrite(
        given.get("uri", ""), pattern, get(given, "uriRegexRewrite", "rewrite", default=""), given.get("authority", "")
    )


def _fitted(action: Forward | Redirect | Answer, match: Match) -> Forward | Redirect | Answer:
    """`/a` rewritten to `/` must not make `//b` of `/a/b`: then it is a regex's work."""
    if not isinstance(action, Forward) or action.rewrite.prefix != "/" or match.path.how != "prefix":
        return action
    given = match.path.value
    if given.endswith("/") or match.path.ignores_case:
        return action
    quoted = "".join(f"\\{sign}" if sign in r".+*?()|[]{}^$\\" else sign for sign in given)
    rewrite = Rewrite("", f"^{quoted}/?(.*)$", r"/\1", action.rewrite.host)
    return Forward(action.shares, action.timeout_s, action.retries, action.mirrors, rewrite)


def _headers(given: Mapping[str, Any]) -> Headers:
    request, response = (get(given, "headers", side, default={}) for side in ("request", "response"))
    return Headers(_edits(request), _edits(response))


def _edits(given: Mapping[str, Any]) -> Edits:
    to_set, to_add = given.get("set") or {}, given.get("add") or {}
    return Edits(tuple(to_set.items()), tuple(to_add.items()), tuple(given.get("remove") or ()))


def _fault(rule: Obj) -> Fault | None:
    abort, delay = (get(rule, "fault", part, default={}) for part in ("abort", "delay"))
    status, delay_s = abort.get("httpStatus", 0), seconds(delay.get("fixedDelay", "0s"))
    if not status and not delay_s:
        return None
    return Fault(
        abort_status=status,
        abort_percent=float(get(abort, "percentage", "value", default=100)),
        delay_s=delay_s,
        delay_percent=float(get(delay, "percentage", "value", default=delay.get("percent", 100))),
    )
