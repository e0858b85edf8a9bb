"""The release file's `gates`: what is measured while a release goes on, what is asked of it, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, create_model, field_validator, model_validator

from ..gates import expressions
from ..gates.conditions import condition
from ..gates.figures import Both, Counts, Pair, Pairs, Phase
from ..gates.judges import JUDGES, Asked, Form, judges_of
from ..gates.judges.effect import Wanted
from ..gates.judges.threshold import Limits
from ..gates.operations import Unfit
from ..gates.ready import READY
from .comparing import EffectOptions, MetricOptions, Number, ScoreOptions, metrics
from .names import wrong_label
from .sources import SOURCES, Sourced, check_template, options_of, source_fields
from .strict import Seconds
from .wrong import Wrong

if TYPE_CHECKING:
    from .experiment import ExperimentOptions

Follows = Literal["rollback", "pause", "report"]
OnNothing = Literal["wait", "pass", "fail"]
COMPARED, FEWEST = 30, 8
"""Measurements after which values of both versions are compared, and the fewest with which that makes sense."""
When = Literal["always", "pauses", "before", "after"]


def _when(value: Any) -> Any:
    weights = [value] if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(weights, list):
        return value
    for place, weight in enumerate(weights):
        if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= 100:
            raise Wrong(f"{weight!r} is no share in whole percent", at=(place,))
    if not weights:
        raise Wrong("takes at least one share", hint="or one of always, pauses, before, after")
    return tuple(sorted(set(weights)))


ASKING = ("use", "query", "requests", "errors", "compare", "effect")
"""Keys that say what is asked, of a source that takes them."""


class _Named(Sourced):
    name: str = Field(description="By which it is told of; each gate has its own.")


if TYPE_CHECKING:
    _Somewhere = _Named
else:
    _Somewhere = create_model("_Somewhere", __base__=_Named, **source_fields(SOURCES))  # where from


class Gate(_Somewhere):
    """One thing that is measured while a release goes on, and what follows from it."""

    # what, of a Prometheus
    use: str | None = Field(None, description="Ready-made queries: " + ", ".join(READY) + ".")
    of: Literal["errors", "latency"] = Field("errors", description="Of the ready-made ones, and of a probe: which.")
    query: str | None = Field(None, description="PromQL whose value is bounded; a template.")
    requests: str | None = Field(None, description="PromQL that counts requests of one side over the interval; a template.")
    errors: str | None = Field(None, description="PromQL that counts those of them which failed; a template.")
    compare: Annotated[dict[str, MetricOptions], BeforeValidator(metrics)] | None = Field(
        None, description="PromQL that answers one value of one side, or several by name: compared with the stable version's."
    )
    effect: EffectOptions | None = Field(None, description=EffectOptions.__doc__)
    side: Literal["new", "stable"] = Field(
        "new",
        description="Whose value is bounded. The stable version's never takes the new one back: its onFail is pause, or report.",
    )
    # what is asked of it
    min: Number | None = Field(None, description="The least that is good.")
    max: Number | None = Field(None, description="The most that is good.")
    success: str | None = Field(None, description='A condition, such as "result < 0.05"; what is not so, failed.')
    failure: str | None = Field(None, description="A condition under which it failed.")
    cel: str | None = Field(
        None, description='An expression in CEL, such as "new.p95 < stable.p95 * 1.2"; what is not so, failed. (rollway[cel])'
    )
    judge: str | None = Field(None, description=f"{', '.join(JUDGES)}. Default: by what is asked.")
    alpha: Annotated[StrictFloat, Field(gt=0, lt=0.5)] = Field(
        0.01, description="sequential: how often a good release may be taken back, at most."
    )
    score: ScoreOptions | None = Field(None, description=ScoreOptions.__doc__)
    # how often
    interval: Annotated[Seconds, Field(ge=1)] = Field(
        10, description="Between two measurements. Of a Prometheus that is asked for counts: twice its scrape interval, at least."
    )
    initial_delay: Seconds = Field(0, description="Before the first one.")
    count: Annotated[StrictInt, Field(ge=1)] | None = Field(
        None, description="Measurements, then it is decided. Default: goes on."
    )
    failure_limit: Annotated[StrictInt, Field(ge=0)] = Field(0, description="More failed measurements than that, and it failed.")
    inconclusive_limit: Annotated[StrictInt, Field(ge=0)] = Field(0, description="Likewise of inconclusive ones.")
    consecutive_error_limit: Annotated[StrictInt, Field(ge=0)] = Field(
        4, description="More attempts in a row that could not measure, and it cannot be told."
    )
    consecutive_success_limit: Annotated[StrictInt, Field(ge=1)] | None = Field(
        None, description="So many good measurements in a row decide for it."
    )
    # when, and what follows
    when: Annotated[When | tuple[StrictInt, ...], BeforeValidator(_when)] | None = Field(
        None,
        description="always (from when the new version has pods), pauses, some of them by their share ([10, 50]), before or "
        "after all requests go to the new version. Default: always; of a Job: pauses.",
    )
    on_fail: Follows = Field("rollback", description="Of a gate that failed: rollback, pause (goes no further) or report.")
    on_inconclusive: OnNothing = Field("wait", description="Of one that cannot be told: wait, pass or fail.")
    no_data: OnNothing = Field("wait", description="Of one that got no figure: wait, pass or fail.")
    on_undecided: Literal["pause", "promote", "rollback"] = Field(
        "pause", description="Where it is not decided at the deadline after a pause: pause, promote or rollback."
    )
    deadline: Seconds = Field(900, description="How long after a pause's own length it is waited for.")

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if wrong := wrong_label(name):
            raise Wrong(f"{name!r} is no valid name: {wrong}")
        return name

    @field_validator("use")
    @classmethod
    def _is_ready(cls, use: str | None) -> str | None:
        if use is not None and use not in READY:
            raise Wrong(f"no ready-made queries are called {use!r}", hint=f"one of {', '.join(READY)}")
        return use

    @model_validator(mode="before")
    @classmethod
    def _has_no_baseline(cls, data: Any) -> Any:
        """Kayenta's and Argo's users look for it."""
        if isinstance(data, dict) and "baseline" in data:
            raise Wrong(
                "there are no pods for the comparison alone: the stable version's pods are what it is compared with",
                hint="initialDelay leaves the first minutes out, in which new pods are slower; see docs/gates.md",
                at=("baseline",),
            )
        return data

    @model_validator(mode="before")
    @classmethod
    def _blames_nobody_else(cls, data: Any) -> Any:
        """What is wrong with the stable version speaks against going on, and not against the new one."""
        return {"onFail": "pause"} | data if isinstance(data, dict) and data.get("side") == "stable" else data

    @model_validator(mode="after")
    def _says_what(self) -> Gate:
        named = self.named
        if len(named) != 1:
            seen = f"two sources: {' and '.join(named)}" if named else "no source"
            raise Wrong(f"gate {self.name} has {seen}", hint=f"one of {', '.join(SOURCES)}", at=(named[1],) if named else ())
        takes = self.options.takes
        if stray := next((key for key in ASKING if key not in takes and getattr(self, key) is not None), None):
            takers = [key for key in SOURCES if stray in options_of(key).takes]
            raise Wrong(f"{stray} belongs to {' or '.join(takers)}", at=(stray,))
        if takes:
            self._check_queries()
        self._check_asked()
        if self.side == "stable":
            self._check_stable()
        for path, text in self.templates():
            check_template(text, path, is_sided=path[0] in ("requests", "errors", "compare", "effect"))
        return self

    def _check_queries(self) -> None:
        ways = {
            "use": self.use,
            "query": self.query,
            "requests and errors": self.requests or self.errors,
            "compare": self.compare,
            "effect": self.effect,
        }
        given = [way for way, value in ways.items() if value is not None]
        if len(given) != 1:
            seen = " and ".join(given) or "nothing"
            taken = [way for way in ways if way.partition(" ")[0] in self.options.takes]
            raise Wrong(
                f"gate {self.name} asks {seen} of its {self.source}", hint=f"one of {', '.join(taken)}", at=(self.source,)
            )
        if (self.requests is None) != (self.errors is None):
            raise Wrong("requests and errors go together", at=("requests" if self.requests is not None else "errors",))

    def _check_asked(self) -> None:
        bounds = [key for key in ("min", "max") if getattr(self, key) is not None]
        conditions = [key for key in ("success", "failure") if getattr(self, key) is not None]
        if self.cel is not None:
            self._check_expression(bounds + conditions)
        if bounds and conditions:
            raise Wrong(f"{bounds[0]} and {conditions[0]}: one way to ask is enough", at=(conditions[0],))
        if self.of == "latency" and (asked := bounds + conditions):
            raise Wrong(
                "how long answers take is compared with the stable version's", hint="a bound wants a query", at=(asked[0],)
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise Wrong(f"min {self.min:g} is more than max {self.max:g}", at=("min",))
        if self.options.concludes and (asked := bounds + conditions):
            raise Wrong(f"a Job has no value: it completes, or fails; {asked[0]} has nothing to ask of", at=(asked[0],))
        if self.compare is not None and self.cel is None:
            self._check_compared(bounds + conditions)
        elif self.score is not None:
            raise Wrong("score belongs to compare", at=("score",))
        if self.effect is not None and (asked := bounds + conditions + ["count"] * (self.count is not None)):
            raise Wrong(f"effect has no use for {asked[0]}: it is decided when one version is known to be better", at=(asked[0],))
        is_bare = not bounds and not conditions and self.compare is None and self.effect is None and self.cel is None
        if is_bare and not self.options.concludes and not self.is_counted:
            raise Wrong(f"gate {self.name} asks nothing of its value", hint="with min, max, success, failure or cel")
        for key in conditions:
            try:
                condition(getattr(self, key))
            except Unfit as unfit:
                raise Wrong(f"{getattr(self, key)!r} is no condition: {unfit}", at=(key,)) from None
        if wrong := self.asked.limits.wrong(has_interval=True):
            raise Wrong(wrong, at=("count",))
        if self.judge is not None and self.judge not in (fitting := judges_of(self.form)):
            raise Wrong(f"{self.judge!r} cannot judge this", hint=f"here: {' or '.join(fitting)}", at=("judge",))

    def _check_stable(self) -> None:
        if self.form != "bound" or self.is_counted or self.compare is not None:
            raise Wrong("this gate measures both versions", hint="side: stable goes with one bounded value", at=("side",))
        for key, value in (("onFail", self.on_fail), ("onUndecided", self.on_undecided)):
            if value == "rollback":
                raise Wrong("a gate of the stable version never takes the new one back", hint="pause, or report", at=(key,))

    def _check_expression(self, asked: list[str]) -> None:
        if asked:
            raise Wrong(f"{asked[0]} and cel: one way to ask is enough", at=("cel",))
        if self.options.concludes or self.effect is not None or self.of == "latency":
            what = "a Job has no value" if self.options.concludes else "what this gate measures has no names in an expression"
            raise Wrong(f"{what}: cel has nothing to ask of", at=("cel",))
        try:
            expressions.checked(str(self.cel), self._example())
        except Unfit as unfit:
            raise Wrong(f"{self.cel!r} is no expression for this gate: {unfit}", at=("cel",)) from None
        except expressions.Missing:
            raise Wrong(expressions.INSTALL, at=("cel",)) from None

    def _example(self) -> expressions.Known | None:
        """Figures like those that it will measure; None where nobody knows their type."""
        if self.compare is not None:
            return expressions.known_of(Pairs({name: Pair(1.0, 1.0) for name in self.compare}))
        if self.is_counted:
            return expressions.known_of(Both(Counts(1.0, 0.0), Counts(1.0, 0.0)))
        return {"result": 0.0} if self.options.is_number else None

    def _check_compared(self, asked: list[str]) -> None:
        if asked:
            raise Wrong(f"compare has no use for {asked[0]}: what is asked is that both are alike", at=(asked[0],))
        if not self.compare:
            raise Wrong("compare has no query", at=("compare",))
        if self.count is not None and self.count < FEWEST:
            raise Wrong(
                f"{self.count} measurements are too few to tell two versions apart", hint=f"{FEWEST} at least", at=("count",)
            )

    @property
    def form(self) -> Form:
        """What its judge is given."""
        if self.cel is not None:
            return "bound"
        if self.compare is not None:
            return "values"
        if self.effect is not None:
            return "visits"
        is_bare = self.min is None and self.max is None and self.success is None and self.failure is None
        return "counts" if self.is_counted and is_bare else "bound"

    @property
    def is_counted(self) -> bool:
        """Whether both versions' requests are counted, and those of them that are bad."""
        return self.use is not None or self.requests is not None or self.options.counts

    @property
    def adds_up(self) -> bool:
        """Whether what it measures is of the time since the last measurement, and added up."""
        return self.is_counted or self.effect is not None

    @property
    def first_look(self) -> int:
        """Seconds until it is measured for the first time: what is counted is counted over a time, from then on by a source that
        does so itself."""
        return self.initial_delay + (self.interval if self.adds_up and not self.options.counts else 0)

    @property
    def trial(self) -> ExperimentOptions | None:
        """The experiment, of an experiment's gate."""
        return None

    @property
    def moment(self) -> When | tuple[int, ...]:
        """When it is measured."""
        return self.when if self.when is not None else "pauses" if self.options.concludes else "always"

    def holds(self, weight: int, *, is_last: bool) -> bool:
        """Whether a pause at that share waits for it; `is_last`: after it all requests go to the new version."""
        moment = self.moment
        if moment == "after":
            return False
        if moment == "before":
            return is_last
        return moment in ("always", "pauses") or weight in moment

    @property
    def chosen_judge(self) -> str:
        return self.judge or judges_of(self.form)[0]

    @property
    def asked(self) -> Asked:
        """For its judge. A Job is measured once, where nothing else is said."""
        limits = Limits(
            count=self.count or (1 if self.options.concludes else COMPARED if self.form == "values" else None),
            failure=self.failure_limit,
            inconclusive=self.inconclusive_limit,
            errors_in_a_row=self.consecutive_error_limit,
            successes_in_a_row=self.consecutive_success_limit or 0,
        )
        score = self.score or ScoreOptions()
        return Asked(
            self.min, self.max, self.success, self.failure, limits, self.alpha, self.of,
            metrics={name: each.asked for name, each in (self.compare or {}).items()},
            weights={group: float(weight) for group, weight in score.weights.items()},
            good=float(score.good), bad=float(score.bad),
            effect=self.effect.asked if self.effect is not None else Wanted(),
            cel=self.cel,
        )  # fmt: skip

    @property
    def ends(self) -> bool:
        """Whether so many measurements decide it; else it only speaks up."""
        return self.asked.limits.count is not None or self.consecutive_success_limit is not None or self.effect is not None

    @property
    def goes_on(self) -> bool:
        """Whether what was measured counts through all pauses: evidence on a version, not on a step."""
        return JUDGES[self.chosen_judge].goes_on

    @property
    def halts_on(self) -> frozenset[Phase]:
        """With which verdicts a release goes no further, and nothing more is measured."""
        return frozenset({Phase.FAILED} if self.on_fail == "pause" else ())

    def told(self, phase: Phase, why: str) -> str:
        """That it has come to an end."""
        whose = " (of the stable version)" if self.side == "stable" else ""
        return f"gate {self.name}{whose} {phase}: {why}"

    @property
    def wanted(self) -> str:
        """What is asked of it, in words."""
        bounds = [f"at least {self.min:g}"] if self.min is not None else []
        bounds += [f"at most {self.max:g}"] if self.max is not None else []
        conditions = [f"success: {self.success}"] if self.success is not None else []
        conditions += [f"failure: {self.failure}"] if self.failure is not None else []
        if bounds or conditions:
            return ", ".join(bounds + conditions)
        if self.cel is not None:
            return self.cel
        if self.options.concludes:
            return "completes"
        if self.compare is not None:
            score = self.score or ScoreOptions()
            return f"{', '.join(self.compare)} like the stable version's (score {score.good:g} of 100)"
        if self.effect is not None:
            return f"{self.effect.better} than the stable version's (wrongly said in at most {self.alpha:.2%} of releases)"
        what = "errors" if self.of == "errors" else "slow answers"
        return f"no more {what} than the stable version (a false alarm in at most {self.alpha:.2%} of releases)"

    def templates(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every text of it that is a template, with its path within the gate."""
        for key in ("query", "requests", "errors"):
            if (text := getattr(self, key)) is not None:
                yield (key,), text
        for name, metric in (self.compare or {}).items():
            yield ("compare", name, "query"), metric.query
        for key in ("count", "total", "squares") if self.effect is not None else ():
            if (text := getattr(self.effect, key)) is not None:
                yield ("effect", key), text
        for path, text in self.options.templates():
            yield (self.source, *path), text


def check_names(gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Raises Wrong where two gates have one name."""
    seen: dict[str, int] = {}
    for place, gate in enumerate(gates):
        if gate.name in seen:
            raise Wrong(f"two gates are called {gate.name}", at=(place, "name"))
        seen[gate.name] = place
    return gates
