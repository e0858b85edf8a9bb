"""The table of rules: one row each. A new rule is a function in the file of its theme, and a row here."""

from __future__ import annotations

from collections.abc import Mapping

from . import probes, shutdown
from .model import Rule

UNREASONED = Rule(
    "RW030", "warning", "an ignore without a reason",
    "Whoever reads it later cannot tell whether it still holds.",
    "A rule is ignored by a comment on or above the line of what it is about: of a field for all below it, of an object's first "
    "line for the whole object.",
    "# rollway: ignore RW004 because the proxy in front retries refused connections",
)  # fmt: skip
UNUSED = Rule(
    "RW031", "info", "an ignore that matches nothing",
    "What it once hid is gone, and the next mistake of that kind here would be hidden without anybody having looked at it.",
    "The comment stands where nothing breaks the rule that it names, names a rule that there is not, or cannot be read.",
    "# rollway: ignore RW004 because the proxy in front retries refused connections",
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule(
        "RW001",
        "warning",
        "no readiness probe",
        "A pod gets requests as soon as its process runs, before it listens: they are refused until it does.",
        "Without a readiness probe a container counts as ready the moment it is started, and a rolling update stops "
        "the next old pod then. A worker that nobody sends requests to needs none; a pod with readiness gates waits for those.",
        "readinessProbe:\n  httpGet: {path: /healthz, port: http}\n  periodSeconds: 2",
        probes.readiness_missing,
    ),
    Rule(
        "RW002",
        "warning",
        "a probe at a port that is not there",
        "The probe never succeeds: the pod gets no requests, or is restarted for ever, and the release does not get on.",
        "A port's name has to be one of the container's own (an error: kubelet cannot resolve it). A number may be any that the "
        "process listens on, but where the pod declares its ports and this is none of them, it is mostly a slip.",
        "ports: [{name: http, containerPort: 8080}]\nreadinessProbe:\n  httpGet: {path: /healthz, port: http}",
        probes.port_unknown,
    ),
    Rule(
        "RW003",
        "warning",
        "liveness stricter than readiness",
        "Under load the container is killed, with all its requests, where it should only have been left alone for a while.",
        "Readiness takes a pod out of the Service and lets it recover; liveness restarts it. The one has to come long before the "
        "other: failureThreshold × periodSeconds of the liveness probe should be about twice that of the readiness probe.",
        "readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5, failureThreshold: 3}\n"
        "livenessProbe:  {httpGet: {path: /live, port: http}, periodSeconds: 5, failureThreshold: 6}",
        probes.liveness_stricter,
    ),
    Rule(
        "RW004",
        "warning",
        "no preStop, and no sign of a graceful shutdown",
        "Proxies hear late that a pod leaves, and send it requests after its SIGTERM: they are refused, or cut off.",
        "Endpoints and SIGTERM go out at the same moment, and kube-proxy syncs at most once a second. A preStop hook that sleeps "
        "keeps the pod serving meanwhile; it needs no shell in the image (`sleep`, Kubernetes 1.30; before that "
        '`exec: {command: [sleep, "5"]}`). An argument or variable that speaks of shutdown, drain or lame duck counts as a sign '
        "that the application does this itself. recreate is down between the versions anyway and is not asked for it.",
        "lifecycle:\n  preStop: {sleep: {seconds: 5}}",
        shutdown.pre_stop_missing,
    ),
    Rule(
        "RW005",
        "warning",
        "preStop shorter than the proxies take",
        "The pod stops while proxies still send it requests, or while the last of them are being answered.",
        "It should last as long as proxies take to hear of it (traffic.proxySync, 1 s for kube-proxy) and the slowest request "
        "(traffic.slowestRequest, 1 s unless the release file says otherwise). How long an httpGet hook or a command without a "
        "sleep takes cannot be seen from here: that is told for information only.",
        "lifecycle:\n  preStop: {sleep: {seconds: 5}}",
        shutdown.pre_stop_short,
    ),
    Rule(
        "RW006",
        "warning",
        "grace period too short",
        "The container is killed (SIGKILL) with requests that it has not answered yet.",
        "terminationGracePeriodSeconds runs from the order to stop, so the preStop hook counts: it has to be longer than the "
        "hook and the slowest request together (traffic.slowestRequest in the release file, 1 s by default).",
        "terminationGracePeriodSeconds: 30",
        shutdown.grace_short,
    ),
    Rule(
        "RW007",
        "warning",
        "a slow start is killed",
        "On a busy node the start takes longer, the liveness probe restarts the container, and it never comes up.",
        "A startupProbe holds the liveness probe back until the application has started, however long that takes within its own "
        "limit; an initialDelaySeconds has to be guessed. For information only where nothing says that the start is slow.",
        "startupProbe:\n  httpGet: {path: /healthz, port: http}\n  periodSeconds: 2\n  failureThreshold: 60",
        probes.slow_start_killed,
    ),
    Rule(
        "RW008",
        "warning",
        "liveness equal to readiness",
        "When something that the answer depends on is down, every pod is restarted at once instead of waiting for it.",
        "A readiness probe may ask whether a database answers; a liveness probe may not. The same cheap question for both is "
        "fine where liveness waits longer.",
        "readinessProbe: {httpGet: {path: /ready, port: http}}\nlivenessProbe:  {httpGet: {path: /live, port: http}}",
        probes.liveness_equals_readiness,
    ),
)

BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in (*RULES, UNREASONED, UNUSED)}
