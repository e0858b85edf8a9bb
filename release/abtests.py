"""The strategies' settings where ab has an experiment around it: their models are made where a file holds one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, model_validator

from ..errors import BadInput
from .experiment import ExperimentOptions
from .options import AbOptions, StrategyOptions
from .wrong import Wrong


class AbTestOptions(AbOptions):
    """Two versions side by side, told apart by what a request carries or by chance; routes split the requests."""

    experiment: ExperimentOptions | None = Field(None, description=ExperimentOptions.__doc__)

    @property
    def asks(self) -> ExperimentOptions | None:
        return self.experiment

    @model_validator(mode="after")
    def _is_random(self) -> AbTestOptions:
        if self.experiment is not None:
            self._check_random(self.experiment)
        return self

    def _check_random(self, experiment: ExperimentOptions) -> None:
        """Raises Wrong where it is not chance that assigns users: what they differ in then may be all that is found."""
        if experiment.caller_assigns is not None:
            if self.weight is not None or not self.match:
                raise Wrong(
                    "callerAssigns: the sender marks b's requests as match says, and the router assigns nobody",
                    hint="match without weight", at=("weight",) if self.weight is not None else ("match",),
                )  # fmt: skip
            return
        if self.match:
            raise Wrong(
                "whoever sends what match asks for has chosen b himself: users have to be assigned at random",
                hint="match: [], weight: 50 and sticky: true; or callerAssigns: 50, if whoever marks the requests draws lots",
                at=("match",) if "match" in self.model_fields_set else ("experiment",),
            )
        if self.weight is None or not 1 <= self.weight <= 99:
            raise Wrong("an experiment needs users of both versions", hint="weight: 50", at=("weight",))
        if not self.sticky:
            raise Wrong(
                "users have to stay with their version, or each request would be another one's",
                hint="sticky: true", at=("sticky",) if "sticky" in self.model_fields_set else ("experiment",),
            )  # fmt: skip


class AllOptions(StrategyOptions):
    """All five blocks; those that the file leaves out hold their defaults."""

    ab: AbTestOptions = Field(AbTestOptions(), description=AbTestOptions.__doc__)


def options_of(record: Mapping[str, Any]) -> StrategyOptions:
    """Raises ValueError for what was not written of such options."""
    return AllOptions.model_validate(record)


def asking(options: StrategyOptions, experiment: ExperimentOptions | None) -> StrategyOptions:
    """The same options with that experiment, or none, around ab. Raises BadInput where it does not fit them: a release that is
    under way may split requests in another way than its file says by now."""
    if options.ab.asks is None and experiment is None:
        return options
    known = {name: getattr(options.ab, name) for name in options.ab.model_fields_set}
    try:
        ab = AbTestOptions.model_validate({**known, "experiment": experiment})
    except ValidationError as error:
        raise BadInput(
            f"the experiment does not fit the release: {error.errors()[0]['msg'].removeprefix('Value error, ')}",
            hint="roll back, and release it anew with the file as it is",
        ) from error
    return options.model_copy(update={"ab": ab})
