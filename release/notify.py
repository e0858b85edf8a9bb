"""The release file's `notify`: who is told of what becomes of a release, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ..gates.templates import names_in
from .names import wrong_label
from .sources import Address, Credential, HttpOptions
from .strict import Seconds, Strict
from .wrong import Wrong

Moment = Literal["started", "paused", "promoted", "failed", "rolledBack", "gateFailed"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)
USUAL: tuple[Moment, ...] = ("paused", "promoted", "failed", "rolledBack", "gateFailed")
SINKS = ("slack", "teams", "webhook", "github", "gitlab", "apprise")
"""The keys of an entry that say who is told; each is a file of `notify/`."""
TIMEOUT_S = 5

VARIABLES: Mapping[str, str] = {
    "event": "one of " + ", ".join(MOMENTS),
    "app": "the application's name",
    "namespace": "its namespace",
    "from": "the version that was live before",
    "to": "the version that is released; of a rollback the one that it leads to",
    "strategy": "how it is released",
    "weight": "the share of requests, in percent",
    "revision": "the number of the release",
    "why": "the reason, where there is one",
    "who": "whose doing it is",
    "on": "the command that goes on",
    "back": "the command that goes back",
    "text": "the usual text",
}
"""What a template may name."""

Timeout = Annotated[Seconds, Field(ge=1, le=60)]


class WebhookOptions(HttpOptions):
    """Any server that takes JSON."""

    address: Address = Field(description="Where it is sent.")
    format: Literal["json", "cloudevents"] = Field("json", description="cloudevents: in the envelope of CloudEvents 1.0.")
    timeout: Timeout = Field(TIMEOUT_S, description="A server that takes longer is not told.")


class HostOptions(Strict):
    """A forge that shows deployments and the states of commits."""

    token: Credential = Field(description="Where the token is read from.")
    environment: str | None = Field(None, description="As the forge calls it. Default: the namespace.")
    commit: str | None = Field(None, description="What is deployed. Default: the pipeline's (GITHUB_SHA, CI_COMMIT_SHA).")
    address: Address | None = Field(None, description="Of its API. Default: the pipeline's, else the public one.")
    timeout: Timeout = Field(TIMEOUT_S, description="A server that takes longer is not told.")


class GithubOptions(HostOptions):
    """A deployment's status, which the Environments page shows, and the commit's."""

    repository: str | None = Field(None, description="OWNER/NAME. Default: the pipeline's (GITHUB_REPOSITORY).")


class GitlabOptions(HostOptions):
    """A deployment, which the Environments page shows, and the commit's status."""

    project: str | None = Field(None, description="Its number, or GROUP/NAME. Default: the pipeline's (CI_PROJECT_ID).")


class Notify(Strict):
    """Somebody who is told, of what."""

    name: str | None = Field(None, description="By which it is told of. Default: its kind.")
    # who: one of SINKS
    slack: Credential | None = Field(None, description="An incoming webhook of Slack: where its address, a secret, is read from.")
    teams: Credential | None = Field(None, description="A workflow of Microsoft Teams: where its address is read from.")
    webhook: Annotated[WebhookOptions, BeforeValidator(lambda value: {"address": value} if isinstance(value, str) else value)] | (
        None
    ) = Field(None, description=WebhookOptions.__doc__)
    github: GithubOptions | None = Field(None, description=GithubOptions.__doc__)
    gitlab: GitlabOptions | None = Field(None, description=GitlabOptions.__doc__)
    apprise: Credential | None = Field(None, description="Whatever Apprise knows: where its address is read from.")
    # of what, and in which words
    on: tuple[Moment, ...] | None = Field(
        None, description=f"Default: {', '.join(USUAL)}; of github and gitlab all of {', '.join(MOMENTS)}."
    )
    template: str | None = Field(None, description="Instead of the usual text: " + ", ".join(VARIABLES) + ".")

    @model_validator(mode="before")
    @classmethod
    def _on_is_a_word(cls, data: Any) -> Any:
        """YAML, as Kubernetes reads it, takes a bare `on` for true."""
        if isinstance(data, dict) and "true" in data and "on" not in data:
            return {("on" if key == "true" else key): value for key, value in data.items()}
        return data

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str | None) -> str | None:
        if name is not None and (wrong := wrong_label(name)):
            raise Wrong(f"{name!r} is no valid name: {wrong}")
        return name

    @field_validator("template")
    @classmethod
    def _can_be_filled(cls, template: str | None) -> str | None:
        unknown = next((name for name in names_in(template or "") if name not in VARIABLES), None)
        if unknown is not None:
            raise Wrong(f"nothing is called {{{{ {unknown} }}}}", hint=f"known are {', '.join(VARIABLES)}")
        return template

    @model_validator(mode="after")
    def _is_one(self) -> Notify:
        named = [key for key in SINKS if getattr(self, key) is not None]
        if len(named) != 1:
            seen = f"two to be told: {' and '.join(named)}" if named else "nobody to be told"
            raise Wrong(f"has {seen}", hint=f"one of {', '.join(SINKS)}", at=(named[1],) if named else ())
        return self

    @property
    def sink(self) -> str:
        return next(key for key in SINKS if getattr(self, key) is not None)

    @property
    def called(self) -> str:
        return self.name or self.sink

    def wants(self, moment: Moment) -> bool:
        """A deployment's state is of use only where all of it is told."""
        return moment in (self.on if self.on is not None else MOMENTS if self.sink in ("github", "gitlab") else USUAL)


def check_called(notify: tuple[Notify, ...]) -> tuple[Notify, ...]:
    """Raises Wrong where two are told of by one name."""
    seen: set[str] = set()
    for place, each in enumerate(notify):
        if each.called in seen:
            raise Wrong(f"two are called {each.called}", hint="give one of them a name", at=(place,))
        seen.add(each.called)
    return notify
