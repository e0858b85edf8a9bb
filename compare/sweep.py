"""One strategy with several values of one of its options, to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import yaml

from ..errors import BadInput
from ..release.model import Release
from .walking import Variant


def variants_of(release: Release, strategy: str, key: str, values: Sequence[str]) -> list[Variant]:
    """One a value of an option, as `--sweep maxSurge=1,25%,50%` asks for. Raises BadInput where there is no such option."""
    from pydantic import ValidationError

    block = {"blue-green": "blueGreen"}.get(strategy, strategy)
    data = release.options.model_dump(mode="json", by_alias=True, exclude_unset=True)
    out = []
    for value in values:
        changed: Mapping[str, object] = {**data, block: {**(data.get(block) or {}), key: yaml.safe_load(value)}}
        try:
            options = type(release.options).model_validate(changed)
        except ValidationError as error:
            known = ", ".join(_options_of(block))
            told = {each["type"]: each["msg"] for each in error.errors()}
            what = (
                f"no option of {strategy}"
                if "extra_forbidden" in told
                else "; ".join(told.values()).removeprefix("Value error, ")
            )
            raise BadInput(f"--sweep {key}={value}: {what}", hint=f"{strategy} has {known}") from error
        out.append(Variant(f"{strategy} {key}={value}", strategy, replace(release, options=options)))
    return out


def _options_of(block: str) -> list[str]:
    from ..release.options import StrategyOptions

    schema = StrategyOptions.model_json_schema(by_alias=True)
    name = schema["properties"][block]["$ref"].rpartition("/")[2]
    return sorted(schema["$defs"][name]["properties"])
