"""The release file's `probe`: which requests are sent while it is released, and how many of them may be lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema, field_validator, model_validator

from ..errors import BadInput
from ..load.share import MOST_WORKERS, workers_of
from ..load.target import DEFAULT_RATE, DEFAULT_TIMEOUT_S, GOOD, HIGHEST_RATE, Bound, Expected, Target, rate_of
from .strict import Seconds, Strict
from .wrong import Wrong


def _read(parse: Callable[[Any], object]) -> Callable[[Any], Any]:
    """The value as it is written, where it can be read."""

    def validated(value: Any) -> Any:
        try:
            parse(value)
        except BadInput as bad:
            raise Wrong(bad.summary, hint=bad.hint) from bad
        return value

    return validated


_COUNT = WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}]})
_RATE = WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": HIGHEST_RATE})
_EXPECT = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 100, "maximum": 599}]})


def _status(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class RequestOptions(Strict):
    """Requests from where deploy runs, at a constant rate; which version answers one is told by a header of the answer."""

    url: Annotated[str, Field(description="What is asked: http:// or https://, by the way that users take.")]
    rate: Annotated[float | int, BeforeValidator(_read(rate_of)), _RATE] = Field(DEFAULT_RATE, description="Requests a second.")
    headers: dict[str, str] = Field({}, description="Sent with every request.")
    expect: Annotated[str, BeforeValidator(_status), BeforeValidator(_read(Expected.of)), _EXPECT] = Field(
        GOOD.text, description="The status codes of a good answer, such as 200, 2xx or 201,202."
    )
    timeout: Annotated[Seconds, Field(ge=1)] = Field(int(DEFAULT_TIMEOUT_S), description="A request that takes longer is lost.")
    keep_alive: StrictBool = Field(False, description="Keeps connections; by default each request has one of its own.")
    version_header: str = Field("", description="The header that names an answer's version; default: X-Version, X-App-Version.")

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        return str(_read(Target.of)(url))

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, headers: dict[str, str]) -> dict[str, str]:
        _read(lambda lines: Target.of("http://any", headers=lines))([*_lines(headers)])
        return headers

    @field_validator("version_header")
    @classmethod
    def _is_header(cls, name: str) -> str:
        return str(_read(lambda name: Target.of("http://any", version_header=name))(name))

    def target(self) -> Target:
        return Target.of(
            self.url, headers=_lines(self.headers),
            expected=Expected.of(self.expect), timeout_s=float(self.timeout), keeps_alive=self.keep_alive,
            version_header=self.version_header,
        )  # fmt: skip


class ProbeOptions(RequestOptions):
    """Requests from where deploy runs, or from workers in the cluster, at a constant rate, around a release."""

    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] | None = Field(
        None, description="So many pods in the cluster send them, each its share of the rate. Default: this machine does."
    )
    max_lost: Annotated[int | str, BeforeValidator(_read(Bound.of)), _COUNT] | None = Field(
        None, description="A release that loses more goes back: a number, or a share of all such as 0.5%. Default: only told."
    )

    @model_validator(mode="after")
    def _can_be_shared(self) -> Self:
        if self.workers is not None:
            _read(lambda workers: workers_of(workers, float(self.rate)))(self.workers)
        return self

    @property
    def bound(self) -> Bound | None:
        return None if self.max_lost is None else Bound.of(self.max_lost)


def _lines(headers: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]
