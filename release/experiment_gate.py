"""An experiment as a gate, which one mechanism measures, keeps and heeds like all others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from ..gates.effects import Sums
from ..gates.experiments import Terms
from ..gates.figures import Phase
from ..gates.foretold import foretold, found_within
from ..gates.judges import Asked
from ..gates.judges.experiment import Experiment
from ..gates.words import lasting
from .experiment import NAME, ExpectedOptions, ExperimentOptions
from .gates import Gate

if TYPE_CHECKING:
    from .options import AbOptions


class ExperimentGate(Gate):
    """`share` is the part of the visits (0 to 1) that b is to get."""

    experiment: ExperimentOptions
    share: float

    @model_validator(mode="after")
    def _says_what(self) -> ExperimentGate:
        """In place of what other gates are held to: its options have been checked."""
        return self

    @property
    def trial(self) -> ExperimentOptions:
        return self.experiment

    @property
    def adds_up(self) -> bool:
        return True

    @property
    def ends(self) -> bool:
        return True

    @property
    def goes_on(self) -> bool:
        return True

    @property
    def chosen_judge(self) -> str:
        return "experiment"

    @cached_property
    def terms(self) -> Terms:
        return self.experiment.terms(self.share)

    @property
    def asked(self) -> Asked:
        ends = self.experiment.on_decision is not None
        return Asked(experiment=Experiment(self.terms, float(self.experiment.longest), ends))

    @property
    def halts_on(self) -> frozenset[Phase]:
        """What is not decided when it is over waits for a person, and so does what is, unless it says otherwise."""
        is_left = self.experiment.on_decision != "promote"
        return frozenset({Phase.INCONCLUSIVE, *({Phase.PASSED, Phase.FAILED} if is_left else ())})

    def told(self, phase: Phase, why: str) -> str:
        return f"its experiment has ended: {why}"

    @property
    def foretold(self) -> str:
        """How long it takes, with the traffic that is expected, in a sentence; empty where nobody says which."""
        expected = self.experiment.expected
        return "" if expected is None else self.foretold_at(expected)

    def foretold_at(self, expected: ExpectedOptions) -> str:
        """The same with that traffic; empty where no least difference is asked for."""
        asked = self.experiment
        if not asked.least:
            return ""
        expectation = asked.expectation(expected, self.share)
        plan = foretold(self.terms, expectation, asked.power)
        least = f"{100 * asked.least:.3g}%" if self.terms.is_relative else f"{asked.least:.3g}"
        says = (
            f"finds a difference of {least} in {asked.deciding} within {lasting(plan.seconds)} in {asked.power:.0%} of "
            f"experiments (half of them within {lasting(plan.half_s)}), at {expectation.rate:.4g} visits/s and a mean of "
            f"{expectation.mean:.4g}"
        )
        longest = lasting(asked.longest)
        if plan.seconds <= asked.longest:
            return f"{says}; it takes {longest} at most"
        return f"{says}; in the {longest} that it may take, in {found_within(self.terms, expectation, asked.longest):.0%} only"

    def seen_in(self, sides: Sequence[Sums], seconds: float) -> ExpectedOptions | None:
        """The traffic that the primary metric shows, of so many seconds, all `sides` together; None where it is too little to
        tell a mean, or everybody converts."""
        visits, total = sum(side.visits for side in sides), sum(side.total for side in sides)
        mean = total / visits if visits else 0.0
        if mean <= 0 or not seconds:
            return None
        if self.experiment.metrics[self.experiment.deciding].squares is None:
            return ExpectedOptions(visits=visits / seconds, mean=mean) if mean < 1 else None
        spread = math.sqrt(max(sum(side.squares or 0.0 for side in sides) / visits - mean * mean, 0.0))
        return ExpectedOptions(visits=visits / seconds, mean=mean, deviation=spread) if spread else None

    @property
    def wanted(self) -> str:
        metric = self.experiment.deciding
        better = self.experiment.metrics[metric].better
        return f"{metric} {better} than a's (wrongly said in at most {self.experiment.alpha:.2%} of experiments)"

    def templates(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        yield from (((self.source, *path), text) for path, text in self.options.templates())
        if self.options.is_promql:
            yield from self.experiment.counters()


def experiment_of(options: AbOptions, experiment: ExperimentOptions) -> ExperimentGate:
    """The gate of the ab block's experiment."""
    percent = experiment.caller_assigns or options.weight or 50
    on_fail: Literal["rollback", "pause"] = "rollback" if experiment.on_decision == "promote" else "pause"
    return ExperimentGate.model_validate({
        "name": NAME, experiment.source: experiment.options, "interval": experiment.interval, "when": "pauses",
        "on_fail": on_fail, "deadline": experiment.longest, "experiment": experiment, "share": percent / 100,
    })  # fmt: skip
