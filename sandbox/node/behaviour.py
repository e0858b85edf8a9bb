"""How the containers of a pod behave: what its annotations say, and the moments of its life that follow from it.

Pure: from a spec and annotations to frozen data, and from a start to the moments after it. The kubelet walks along them; a
traffic model asks the same functions who would have answered when.

    sandbox.rollway.dev/behaviour: |          a YAML mapping; every key has a default
      pull: 0.3s           image pull
      start: 3s            from the process' start until it listens
      stop: 1s             from SIGTERM to exit
      run: 5s              until it ends by itself, with code 0; a pod that is not always restarted, as a Job's: 1s
      ignoreSigterm: false
      fails: crash         never-ready, crash, bad-image, config-error or unschedulable
      exitCode: 1          of a crash
      log: "KeyError: 'PAYMENT_URL'"          what the container prints last
      probe: "HTTP probe failed with statuscode: 503"   what a failing probe answers
    sandbox.rollway.dev/versions: |           by image tag, laid over the first
      3.0.0: {fails: crash}
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast

from ...kube.objects import Obj, annotations_of, get
from ..annotated import mapping_of

BEHAVIOUR = "sandbox.rollway.dev/behaviour"
VERSIONS = "sandbox.rollway.dev/versions"

Failure = Literal["never-ready", "crash", "bad-image", "config-error", "unschedulable"]
FAILURES = ("never-ready", "crash", "bad-image", "config-error", "unschedulable")

# Measured on a real node.
SANDBOX_S = 0.2  # the pod's network and its container, without the image
READY_S = 0.014  # process start to Ready without a probe
CRASH_S = 0.01  # who crashes at once does so before it could be called ready
SIGTERM_S = 0.02  # deletion to SIGTERM, or to preStop
REPORTED_S = 0.14  # exit to the status that says so
GONE_S = 0.95  # exit to the end of the object
KILL_S = 0.03  # the end of the grace period to SIGKILL
LEAST_GRACE_S = 2.0  # what is left after a preStop that took all of the grace period
RUN_S = 1.0  # of what is there to end: nothing was measured, it is a moment
RELIST_S = 1.0  # the node looks at its containers once a second: probes start, and stay, in step with that


@dataclass(frozen=True)
class Behaviour:
    """What the annotations say. `problems` are sentences about what could not be understood."""

    pull_s: float = 0.3
    start_s: float = 0.0
    stop_s: float = 0.0
    run_s: float | None = None
    ignores_sigterm: bool = False
    fails: Failure | None = None
    exit_code: int = 1
    log: str = ""
    probe_answer: str = "HTTP probe failed with statuscode: 503"
    problems: tuple[str, ...] = ()


class Probe(NamedTuple):
    initial_delay_s: float
    period_s: float
    successes: int
    failures: int


class Life(NamedTuple):
    """A pod's timings. Probes are those of its first container; `others` are the readiness probes of the rest."""

    behaviour: Behaviour
    grace_s: float
    pre_stop_s: float
    readiness: Probe | None
    startup: Probe | None
    liveness: Probe | None
    others: tuple[Probe, ...] = ()
    run_s: float = math.inf

    @property
    def process_start_s(self) -> float:
        """From the pod's creation, on a node that has nothing else to do."""
        return SANDBOX_S + self.behaviour.pull_s


Happening = Literal["started", "ready", "unready", "unhealthy", "killed", "exits"]


class Moment(NamedTuple):
    """Something that happens to a container: `at_s` on the clock of its start."""

    at_s: float
    what: Happening
    message: str = ""
    code: int = 0  # of an exit


class Stop(NamedTuple):
    """How a pod ends, in seconds from its deletion. `exit_code` is 137 where it had to be killed."""

    sigterm_s: float
    exit_s: float
    exit_code: int


def life_of(pod: Obj) -> Life:
    """From a pod, or a pod template."""
    containers = get(pod, "spec", "containers", default=[]) or [{}]
    first = containers[0]
    others = (probe_of(each.get("readinessProbe")) for each in containers[1:])
    behaviour = said_of(pod)
    ends = get(pod, "spec", "restartPolicy", default="Always") != "Always"
    return Life(
        behaviour=behaviour,
        run_s=behaviour.run_s if behaviour.run_s is not None else RUN_S if ends else math.inf,
        grace_s=float(get(pod, "spec", "terminationGracePeriodSeconds", default=30)),
        pre_stop_s=max(pre_stop_s(get(each, "lifecycle", "preStop")) for each in containers),
        readiness=probe_of(first.get("readinessProbe")),
        startup=probe_of(first.get("startupProbe")),
        liveness=probe_of(first.get("livenessProbe")),
        others=tuple(probe for probe in others if probe is not None),
    )


def said_of(pod: Obj) -> Behaviour:
    """What the annotations of a pod, or of a pod template, say."""
    annotations, first = annotations_of(pod), (get(pod, "spec", "containers") or [{}])[0]
    return behaviour_of(annotations.get(BEHAVIOUR, ""), annotations.get(VERSIONS, ""), first.get("image", ""))


def moments(life: Life, started_s: float, phase_s: float = 0.0) -> Iterator[Moment]:
    """What happens after a process start, in order; without end where probes fail for ever.

    `phase_s` is where in each second the node looks at its containers (see RELIST_S).
    """
    behaviour = life.behaviour
    listening_s = started_s + behaviour.start_s if behaviour.fails != "crash" else math.inf
    crash_s = started_s + max(behaviour.start_s, CRASH_S) if behaviour.fails == "crash" else math.inf
    first_s = started_s + (phase_s - started_s) % RELIST_S
    probed_s, kill = _startup(life, first_s, started_s, listening_s)
    if kill is None and life.liveness is not None:
        kill = _killed(life.liveness, max(first_s, probed_s), started_s, listening_s, "Liveness", behaviour)
    done_s = started_s + behaviour.start_s + life.run_s
    last = min(kill or Moment(math.inf, "killed"), Moment(crash_s, "exits", code=behaviour.exit_code), Moment(done_s, "exits"))
    for moment in _until_ready(life, max(first_s, probed_s), started_s, listening_s):
        if moment.at_s >= last.at_s:
            break
        if life.startup is not None and moment.at_s >= probed_s:
            yield Moment(probed_s, "started")
            life = _without_startup(life)
        yield moment
    if not math.isinf(last.at_s):
        yield last


def stop_of(life: Life, grace_s: float) -> Stop:
    """The end of a pod whose container runs: preStop, SIGTERM, and SIGKILL at the end of the grace period."""
    sigterm_s = SIGTERM_S + min(life.pre_stop_s, grace_s)
    left_s = max(grace_s - life.pre_stop_s, LEAST_GRACE_S if life.pre_stop_s else 0.0)
    patience_s = left_s + KILL_S
    if life.behaviour.ignores_sigterm or life.behaviour.stop_s > patience_s:
        return Stop(sigterm_s, sigterm_s + patience_s, 137)
    return Stop(sigterm_s, sigterm_s + life.behaviour.stop_s, 0)


# probes


def probe_of(spec: Mapping[str, Any] | None) -> Probe | None:
    if not spec:
        return None
    return Probe(
        initial_delay_s=float(spec.get("initialDelaySeconds") or 0),
        period_s=float(spec.get("periodSeconds") or 10),
        successes=int(spec.get("successThreshold") or 1),
        failures=int(spec.get("failureThreshold") or 3),
    )


def tick(probe: Probe, first_s: float, not_before_s: float) -> float:
    """The first look of the probe at or after a moment."""
    return first_s + max(math.ceil((not_before_s - first_s) / probe.period_s - 1e-9), 0) * probe.period_s


def _startup(life: Life, first_s: float, started_s: float, listening_s: float) -> tuple[float, Moment | None]:
    """(when the other probes begin, the kill of who is too slow)."""
    if life.startup is None:
        return started_s, None
    kill = _killed(life.startup, first_s, started_s, listening_s, "Startup", life.behaviour)
    passed_s = tick(life.startup, first_s, max(started_s + life.startup.initial_delay_s, listening_s))
    return (math.inf, kill) if kill else (passed_s, None)


def _killed(probe: Probe, first_s: float, started_s: float, listening_s: float, name: str, behaviour: Behaviour) -> Moment | None:
    """The moment at which a probe has failed too often, if the process does not listen before."""
    if math.isinf(first_s):
        return None
    first_failure_s = tick(probe, first_s, started_s + probe.initial_delay_s)
    last_failure_s = first_failure_s + (probe.failures - 1) * probe.period_s
    if last_failure_s >= listening_s or math.isinf(listening_s):
        return None
    return Moment(last_failure_s, "killed", f"{name} probe failed: {behaviour.probe_answer}")


def _until_ready(life: Life, first_s: float, started_s: float, listening_s: float) -> Iterator[Moment]:
    probe, failing = life.readiness, life.behaviour.fails == "never-ready"
    message = f"Readiness probe failed: {life.behaviour.probe_answer}"
    if math.isinf(first_s):
        return
    if probe is None and not failing:
        others_s = [_ready_s(each, first_s, started_s, started_s) for each in life.others]
        yield Moment(max([started_s + READY_S, *others_s] + ([first_s] if life.startup else [])), "ready")
        return
    probe = probe or Probe(0, 10, 1, 3)
    look_s = tick(probe, first_s, started_s + probe.initial_delay_s)
    if failing or math.isinf(listening_s):
        while True:
            yield Moment(look_s, "unhealthy", message)
            look_s += probe.period_s
    if look_s < listening_s:
        yield Moment(look_s, "unhealthy", message)
    others_s = [_ready_s(each, first_s, started_s, started_s) for each in life.others]
    yield Moment(max([_ready_s(probe, first_s, started_s, listening_s), *others_s]), "ready")


def _ready_s(probe: Probe, first_s: float, started_s: float, listening_s: float) -> float:
    first_success_s = tick(probe, first_s, max(started_s + probe.initial_delay_s, listening_s))
    return first_success_s + (probe.successes - 1) * probe.period_s


def _without_startup(life: Life) -> Life:
    return Life(life.behaviour, life.grace_s, life.pre_stop_s, life.readiness, None, life.liveness, life.others)


# reading


@lru_cache(maxsize=1024)
def behaviour_of(behaviour: str, versions: str, image: str) -> Behaviour:
    """From the two annotations and the first container's image. What cannot be read is a problem and takes its default."""
    problems: list[str] = []
    said = _mapping(behaviour, BEHAVIOUR, problems)
    by_version = {str(key): value for key, value in _mapping(versions, VERSIONS, problems).items()}
    over = by_version.get(tag_of(image)) or {}
    if not isinstance(over, Mapping):
        problems.append(f"{VERSIONS}: {tag_of(image)} should be a mapping, is {over!r}")
        over = {}
    fields: dict[str, Any] = {}
    for key, value in {**said, **over}.items():
        if key not in _READERS:
            problems.append(f"{BEHAVIOUR}: unknown key {key!r}; known are {', '.join(_READERS)}")
            continue
        name, reader = _READERS[key]
        try:
            fields[name] = reader(value)
        except (ValueError, TypeError) as error:
            problems.append(f"{BEHAVIOUR}: {key}: {error}")
    return Behaviour(**fields, problems=tuple(problems))


def tag_of(image: str) -> str:
    """`ghcr.io:443/acme/shop:1.4.0@sha256:…` is 1.4.0; without a tag: latest."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or "latest"


_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def duration_s(value: object) -> float:
    """`90s`, `1.5s`, `500ms`, `1m30s`, or a number of seconds. Raises ValueError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    text = str(value)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{value!r} is not a duration such as 3s, 500ms or 1m30s")
    return float(sum(float(number) * _UNITS_S[unit] for number, unit in parts))


def pre_stop_s(hook: Mapping[str, Any] | None) -> float:
    """How long a preStop hook takes, as far as it can be seen: sleeps are, what else is run or called takes no time."""
    if not hook:
        return 0.0
    if (seconds := get(hook, "sleep", "seconds")) is not None:
        return float(seconds)
    words = " ".join(str(word) for word in get(hook, "exec", "command", default=()))
    # `sleep 5`, `/bin/sleep 5`, `sh -c "sleep 5; nginx -s quit"`
    found = re.findall(r"(?:^|[\s;&/])sleep\s+(\d+(?:\.\d+)?)(ms|s|m|h)?(?![\w.])", words)
    return sum(float(number) * _UNITS_S[unit or "s"] for number, unit in found)


def _mapping(text: str, where: str, problems: list[str]) -> Mapping[Any, Any]:
    try:
        return mapping_of(text)
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return {}


def _bool(value: object) -> bool:
    text = str(value).lower()
    if text not in ("true", "false", "yes", "no", "on", "off"):
        raise ValueError(f"{value!r} is neither true nor false")
    return text in ("true", "yes", "on")


def _failure(value: object) -> Failure | None:
    if value in ("", "null", "~", "none"):
        return None  # a version may take back what the behaviour says
    if value not in FAILURES:
        raise ValueError(f"{value!r} is not one of {', '.join(FAILURES)}")
    return cast("Failure", value)


def _duration(value: object) -> float:
    text = str(value)
    return duration_s(float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else text)


_READERS: dict[str, tuple[str, Any]] = {
    "pull": ("pull_s", _duration),
    "start": ("start_s", _duration),
    "stop": ("stop_s", _duration),
    "run": ("run_s", _duration),
    "ignoreSigterm": ("ignores_sigterm", _bool),
    "fails": ("fails", _failure),
    "exitCode": ("exit_code", int),
    "log": ("log", str),
    "probe": ("probe_answer", str),
}
