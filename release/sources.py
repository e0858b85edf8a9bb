"""Where a gate's figures come from, as the release file says it: the options of each source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, model_validator

from ..gates.documents import Unreadable
from ..gates.documents import check as check_path
from ..gates.templates import SIDED, VARIABLES, names_in
from .names import wrong_object_name
from .strict import Seconds, Strict
from .wrong import Wrong

SOURCES = ("prometheus", "url", "job", "pods", "probe")
"""The keys of a gate that say where its figures come from; each is a file of `measure/`."""

_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _http(value: Any) -> Any:
    if not isinstance(value, str):
        return value  # pydantic says what it takes
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise Wrong(f"{value!r} is no address", hint="such as http://prometheus.monitoring:9090") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Wrong(f"{value!r} is no address of http or https", hint="such as http://prometheus.monitoring:9090")
    if parts.username or parts.password:
        raise Wrong("an address holds no password", hint="write username and password: {env: NAME}, or a Secret's name and key")
    return value


Address = Annotated[str, BeforeValidator(_http)]


def variables_of(*written: BaseModel) -> Iterator[str]:
    """The environment variables that secrets are read from, of whatever options."""
    for options in written:
        if isinstance(options, Credential):
            yield from filter(None, [options.env])
        else:
            yield from variables_of(*(each for _, each in options if isinstance(each, BaseModel)))


class Credential(Strict):
    """Where a secret is read from, when it is needed: it is kept and shown nowhere."""

    env: str | None = Field(None, description="The environment variable that holds it.")
    secret: str | None = Field(None, description="The Secret of the application's namespace that holds it.")
    key: str | None = Field(None, description="The key in the Secret.")

    @model_validator(mode="after")
    def _is_one(self) -> Credential:
        if (self.env is None) == (self.secret is None):
            raise Wrong("takes either env, or secret and key")
        if self.env is not None and not _ENV.fullmatch(self.env):
            raise Wrong(f"{self.env!r} is no name of an environment variable", at=("env",))
        if self.env is not None and self.key is not None:
            raise Wrong("key belongs to a secret, not to env", at=("key",))
        if self.secret is not None and (wrong := wrong_object_name("Secret", self.secret)):
            raise Wrong(f"{self.secret!r} is no valid name: {wrong}", at=("secret",))
        if self.secret is not None and not self.key:
            raise Wrong("a secret needs the key in it", at=("secret",))
        return self


class HttpOptions(Strict):
    """How a server is asked, whichever."""

    headers: dict[str, str] = Field({}, description="Sent along, such as X-Scope-OrgID.")
    bearer_token: Credential | None = Field(None, description="Sent as Authorization: Bearer.")
    username: str | None = Field(None, description="Of basic authentication.")
    password: Credential | None = Field(None, description="Of basic authentication.")
    ca_file: str | None = Field(None, description="The certificate authority's file, where the system does not know it.")
    timeout: Annotated[Seconds, Field(ge=1, le=300)] = Field(10, description="An answer that takes longer is none.")

    @model_validator(mode="after")
    def _is_one_way_in(self) -> HttpOptions:
        if (self.username is None) != (self.password is None):
            raise Wrong("username and password go together", at=("username" if self.username is not None else "password",))
        if self.bearer_token is not None and self.username is not None:
            raise Wrong("takes bearerToken, or username and password: not both", at=("bearerToken",))
        return self


class PrometheusOptions(HttpOptions):
    """A Prometheus, or whatever speaks its HTTP API."""

    address: Address = Field(description="Such as http://prometheus.monitoring:9090; a path in it is kept.")


class UrlOptions(HttpOptions):
    """Any server that answers JSON."""

    address: Address = Field(description="What is asked; a template.")
    method: Literal["GET", "POST", "PUT"] = Field("GET", description="How.")
    body: str | None = Field(None, description="Sent along; a template.")
    path: str = Field("{$}", description="The JSONPath of what is asked for in the answer.")

    @model_validator(mode="after")
    def _can_be_asked(self) -> UrlOptions:
        if self.body is not None and self.method == "GET":
            raise Wrong("a GET has no body", hint="method: POST", at=("body",))
        try:
            check_path(self.path)
        except Unreadable as wrong:
            raise Wrong(str(wrong), at=("path",)) from None
        return self


class JobOptions(Strict):
    """A Kubernetes Job that is made for each measurement: complete is passed, failed is failed."""

    image: str = Field(description="What the Job runs; a template.")
    command: tuple[str, ...] = Field((), description="Instead of the image's own; templates.")
    args: tuple[str, ...] = Field((), description="Templates.")
    env: dict[str, str] = Field({}, description="Environment variables; templates.")
    service_account: str | None = Field(None, description="Whose rights it has.")
    timeout: Annotated[Seconds, Field(ge=1)] = Field(300, description="A Job that takes longer has not been able to tell.")


class PodsOptions(Strict):
    """What the new version's pods tell by themselves: one of these."""

    restarts: StrictBool = Field(False, description="How often their containers have been restarted.")
    unready: StrictBool = Field(False, description="How many of them are not ready.")
    log: str | None = Field(None, description="How many lines of their logs match this regular expression since the last look.")

    @model_validator(mode="after")
    def _is_one(self) -> PodsOptions:
        if [self.restarts, self.unready, self.log is not None].count(True) != 1:
            raise Wrong("takes one of restarts, unready and log")
        if self.log is not None:
            try:
                re.compile(self.log)
            except re.error as error:
                raise Wrong(f"{self.log!r} is no regular expression: {error}", at=("log",)) from None
        return self


def check_template(text: str, path: tuple[str | int, ...], *, is_sided: bool) -> None:
    """Raises Wrong for a name that there is none of, and where a query `is_sided`, is asked of each version, and sees no side."""
    if unknown := next((name for name in names_in(text) if name not in VARIABLES), None):
        raise Wrong(f"nothing is called {{{{ {unknown} }}}}", hint=f"known are {', '.join(VARIABLES)}", at=path)
    if is_sided and not set(SIDED) & set(names_in(text)):
        raise Wrong(
            "this query sees both versions as one: there would be nothing to compare",
            hint=f'a label of one side, such as pod=~"{{{{ pods }}}}"; sides differ in {", ".join(SIDED)}',
            at=path,
        )


def short(key: str) -> BeforeValidator:
    """A bare text stands for the mapping with that one key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def pods_short(value: Any) -> Any:
    return {value: True} if isinstance(value, str) and value in ("restarts", "unready") else value
