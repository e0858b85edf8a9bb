"""The five strategies' settings: the `strategies:` block of a release file. Every block and every key has a default."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from . import matching
from .names import wrong_host, wrong_label, wrong_subdomain
from .strict import Seconds, Strict
from .wrong import Wrong

if TYPE_CHECKING:
    from .experiment import ExperimentOptions

StrategyName = Literal["recreate", "ramped", "blue-green", "canary", "ab"]
STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
RouterName = Literal["auto", "replicas", "gateway", "istio", "nginx"]
"""Of those behind the first two each is a file of routing/routers, in the order in which `auto` looks for their routes."""


def count_or_percent(value: Any) -> int | str:
    """IntOrString of the API: a count from 0, or a whole percentage such as "25%". Raises Wrong with a sentence."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
        return value
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return value
    raise Wrong(f'{value!r} is neither a whole number of pods nor a whole percentage such as "25%"')


_PERCENT = re.compile(r"[0-9]{1,5}%")


def is_none(value: int | str) -> bool:
    """Whether an IntOrPercent allows no pod at all: 0 or 0%."""
    return int(str(value).removesuffix("%")) == 0


_COUNT_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+%$"}]}

IntOrPercent = Annotated[int | str, BeforeValidator(count_or_percent), WithJsonSchema(_COUNT_SCHEMA)]


def _deadline() -> Any:
    return Field(600, ge=1, description="Gives up when the pods have made no progress for this long.")


class RecreateOptions(Strict):
    """Every old pod goes, then every new one comes."""

    progress_deadline_seconds: Seconds = _deadline()


class RampedOptions(Strict):
    """The Deployment's own rolling update."""

    max_surge: IntOrPercent = Field("25%", description="Pods above spec.replicas during the update: a count or a percentage.")
    max_unavailable: IntOrPercent = Field(0, description="Pods that may be missing during the update: a count or a percentage.")
    min_ready_seconds: Seconds = Field(0, description="How long a new pod must have been ready before it counts.")
    progress_deadline_seconds: Seconds = _deadline()

    @model_validator(mode="after")
    def _can_move(self) -> RampedOptions:
        check_can_move(self.max_surge, self.max_unavailable)
        if self.progress_deadline_seconds <= self.min_ready_seconds:
            deadline, ready = self.progress_deadline_seconds, self.min_ready_seconds
            raise Wrong(
                f"progressDeadlineSeconds ({deadline}) must be more than minReadySeconds ({ready})", at=("minReadySeconds",)
            )
        return self


def check_can_move(max_surge: int | str, max_unavailable: int | str) -> None:
    """Raises Wrong where a rolling update could never start, as the API server would."""
    if is_none(max_surge) and is_none(max_unavailable):
        raise Wrong("maxSurge and maxUnavailable are both 0: no pod could ever be replaced", at=("maxUnavailable",))
    check_unavailable(max_unavailable)


def check_unavailable(max_unavailable: int | str) -> None:
    if isinstance(max_unavailable, str) and int(max_unavailable.removesuffix("%")) > 100:
        raise Wrong(f"maxUnavailable is {max_unavailable}, which is more than all pods", at=("maxUnavailable",))


class BlueGreenOptions(Strict):
    """Two Deployments take turns; the Service's selector says which one is live, or the routes of the router that is named."""

    scale_down_delay_seconds: Seconds = Field(30, description="How long the old side stays up after the switch.")
    auto_promote: StrictBool = Field(
        True, description="Switch as soon as the new side is ready; false waits for `deploy promote`."
    )
    come_home: StrictBool = Field(
        False,
        description="In the end, when the old side has been kept for its time, bring the new version to the manifests' own "
        "Deployment and lead everybody back there, so that what is live is what the manifests say.",
    )
    progress_deadline_seconds: Seconds = _deadline()


def _match(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Wrong(f"{value!r} is no match: write {{headers: {{x-api-version: {{exact: v2}}}}}}")
    return matching.normal(value)


Match = Annotated[dict[str, Any], BeforeValidator(_match)]


class CanaryStep(Strict):
    """One stop of a canary."""

    weight: StrictInt = Field(0, ge=0, le=100, description="Share of requests for the new version, in whole percent.")
    match: tuple[Match, ...] = Field(
        (),
        description="Requests that have the new version from this step on, whatever the weight, as ab's; only where routes split "
        "requests.",
    )
    mirror: Annotated[StrictInt, Field(ge=1, le=100)] | None = Field(
        None,
        description="Share of requests that are copied to the new version before it answers any of them, in whole percent; "
        "nobody sees its answers. Those that write are copied as well. Only where an HTTPRoute or a VirtualService splits "
        "requests.",
    )
    pause: Seconds | None = Field(
        None,
        description="How long to stay, such as 5m; 0s as long as pods and gates take. Without it: until `deploy promote`.",
    )

    @model_validator(mode="after")
    def _reaches_somebody(self) -> CanaryStep:
        if not self.weight and not self.match and not self.mirror:
            raise Wrong(
                "0%, no match and no mirror: nobody would meet the new version",
                at=("weight",) if "weight" in self.model_fields_set else (),
            )
        if self.weight and self.mirror:
            raise Wrong(
                f"a mirror beside {self.weight}%: the new version would get requests that it answers a second time",
                hint="copies come first, in a step without a weight; a match may stand beside them",
                at=("mirror",),
            )
        return self


def _sticky() -> Any:
    return Field(
        False,
        description="Users keep their version while the share grows, by a cookie; only where an HTTPRoute or a VirtualService "
        "splits requests.",
    )


class CanaryOptions(Strict):
    """A second Deployment, which gets a share of the requests: as routes say, or else as many as its share of ready pods."""

    steps: tuple[CanaryStep, ...] = Field(
        (CanaryStep(weight=10, pause=300), CanaryStep(weight=50)),
        description="Weights in rising order.",
        json_schema_extra={"minItems": 1},
    )
    max_surge: IntOrPercent = Field(
        1,
        description="Pods above spec.replicas during the release: a count or a percentage. Left out, a Deployment that is rolled "
        "with no other pods beside it, as on the way back of a whole release, goes by its own surge, else by 25%.",
    )
    pods: Literal["share", "all"] | Annotated[StrictInt, Field(ge=1)] = Field(
        "share",
        description="Pods of the new version where routes split requests: as many as its share needs, a count, or all.",
    )
    sticky: StrictBool = _sticky()
    progress_deadline_seconds: Seconds = _deadline()

    @property
    def may_surge(self) -> bool:
        return not is_none(self.max_surge)

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[CanaryStep, ...]) -> tuple[CanaryStep, ...]:
        # not min_length: pydantic would report it beside every mistake in an item
        if not steps:
            raise Wrong("takes at least one step")
        for place, (before, after) in enumerate(itertools.pairwise(steps), start=1):
            if after.weight == before.weight == 0:
                raise Wrong(
                    "two steps without a share: a release knows where it stands by its share",
                    hint="one step holds both the match and the mirror that come before the first share",
                    at=(place, "mirror" if after.mirror else "match"),
                )
            if after.weight <= before.weight:
                raise Wrong(f"weights must rise from step to step: {after.weight} follows {before.weight}", at=(place, "weight"))
        return steps


DEFAULT_MATCH: dict[str, Any] = {"headers": {"x-api-version": {"exact": "v2"}}}
"""What an A/B test tells requests apart by, where its release file says nothing; a revision's record does not say it either."""


class AbOptions(Strict):
    """Two versions side by side, told apart by what a request carries; Istio routes."""

    match: tuple[Match, ...] = Field(
        (DEFAULT_MATCH,),
        description="Requests for the second variant: any of these Istio HTTPMatchRequests. Also cookie, userAgent and query.",
    )
    weight: Annotated[StrictInt, Field(ge=0, le=100)] | None = Field(
        None, description="Share of the requests that match nothing which goes to the second variant too, in whole percent."
    )
    sticky: StrictBool = _sticky()
    hosts: tuple[str, ...] = Field((), description="Host names by which the application is reached from outside.")
    gateway: str | None = Field(None, description="The Istio Gateway that requests come in by: `name` or `namespace/name`.")
    replicas: Annotated[StrictInt, Field(ge=1)] | None = Field(
        None, description="Pods of the second variant; default: as the first."
    )
    progress_deadline_seconds: Seconds = _deadline()

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if wrong := wrong_host(host):
                raise Wrong(f"{host!r} is no host name: {wrong}")
        if len(set(hosts)) < len(hosts):
            raise Wrong("a host is named twice")
        return hosts

    @field_validator("gateway")
    @classmethod
    def _is_gateway(cls, gateway: str | None) -> str | None:
        if gateway is not None:
            namespace, slash, name = gateway.rpartition("/")
            if wrong := (wrong_label(namespace) if slash else "") or wrong_subdomain(name):
                raise Wrong(f"{gateway!r} is no gateway's name: {wrong}")
        return gateway

    @model_validator(mode="after")
    def _tells_apart(self) -> AbOptions:
        if not self.match and self.weight is None:
            raise Wrong("neither match nor weight: no request would reach the second variant")
        return self

    @property
    def asks(self) -> ExperimentOptions | None:
        """The experiment around it, of those that have one (release.abtests)."""
        return None


class StrategyOptions(Strict):
    """All five blocks; those that the file leaves out hold their defaults."""

    recreate: RecreateOptions = Field(RecreateOptions(), description=RecreateOptions.__doc__)
    ramped: RampedOptions = Field(RampedOptions(), description=RampedOptions.__doc__)
    blue_green: BlueGreenOptions = Field(BlueGreenOptions(), description=BlueGreenOptions.__doc__)
    canary: CanaryOptions = Field(CanaryOptions(), description=CanaryOptions.__doc__)
    ab: AbOptions = Field(AbOptions(), description=AbOptions.__doc__)


class Traffic(Strict):
    """The requests that a release must not lose: what `deploy check` measures waiting times by, and predictions count with."""

    slowest_request: Seconds = Field(1, description="How long the slowest request takes that must not be cut off.")
    proxy_sync: Seconds = Field(1, description="How long proxies may go on sending to a pod that is leaving; kube-proxy: 1s.")
    rate: Annotated[StrictInt, Field(gt=0)] = Field(100, description="Requests a second, for what plans and comparisons predict.")
