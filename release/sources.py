"""Where a gate's figures come from, as the release file says it: the sources that there are, and what their options share.

A source is one file of `measure/`: its options, what they are checked for, what is to be known of it, and how it is asked. This
room stands below that one, and knows the files by the names in its table alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from ..gates.templates import SIDED, VARIABLES, names_in
from ..kube.objects import Kind
from .matching import TOKEN
from .names import wrong_object_name
from .strict import Seconds, Strict
from .wrong import Wrong

SOURCES: Mapping[str, str] = {
    "prometheus": "prometheus.Prometheus",
    "url": "url.Url",
    "job": "job.Jobs",
    "pods": "pods.Pods",
    "probe": "probe.Probe",
}
"""A gate's key, and the adapter behind it: a class of a file in `measure/`, with its `options`."""

_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no header may hold (RFC 9110, 5.5)."""


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
    yield from (found.env for found in credentials_of(*written) if found.env is not None)


def secrets_of(*written: BaseModel) -> dict[str, None]:
    """The names of the Secrets that are read, in order: for the rights that a release needs."""
    return {found.secret: None for found in credentials_of(*written) if found.secret is not None}


def credentials_of(*written: BaseModel) -> Iterator[Credential]:
    """All of them, of whatever options."""
    for options in written:
        if isinstance(options, Credential):
            yield options
            continue
        for _, value in options:
            held = value.values() if isinstance(value, Mapping) else [value]
            yield from credentials_of(*(each for each in held if isinstance(each, BaseModel)))


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


Sent = Annotated[
    Annotated[str, Tag("text")] | Annotated[Credential, Tag("secret")],
    Discriminator(lambda value: "secret" if isinstance(value, Mapping | Credential) else "text"),
]
"""A header's value: as it is written, or where it is read from."""


class HttpOptions(Strict):
    """How a server is asked, whichever."""

    headers: dict[str, Sent] = Field({}, description="Sent along, such as X-Scope-OrgID: a text, or where a secret is read from.")
    bearer_token: Credential | None = Field(None, description="Sent as Authorization: Bearer.")
    username: str | None = Field(None, description="Of basic authentication.")
    password: Credential | None = Field(None, description="Of basic authentication.")
    ca_file: str | None = Field(None, description="The certificate authority's file, where the system does not know it.")
    timeout: Annotated[Seconds, Field(ge=1, le=300)] = Field(10, description="An answer that takes longer is none.")

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, headers: dict[str, Sent]) -> dict[str, Sent]:
        for name, value in headers.items():
            if not TOKEN.fullmatch(name):
                raise Wrong(f"{name!r} is no header's name", at=(name,))
            if isinstance(value, str) and _CONTROL.search(value):
                raise Wrong(f"the header {name} holds a character that cannot be sent", at=(name,))
        return headers

    @model_validator(mode="after")
    def _is_one_way_in(self) -> HttpOptions:
        if (self.username is None) != (self.password is None):
            raise Wrong("username and password go together", at=("username" if self.username is not None else "password",))
        if self.bearer_token is not None and self.username is not None:
            raise Wrong("takes bearerToken, or username and password: not both", at=("bearerToken",))
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


class Need(NamedTuple):
    """What an account has to be allowed to do: the verbs on a kind or a subresource of it, of the objects named or of all."""

    kind: Kind
    verbs: tuple[str, ...]
    subresource: str = ""
    name: str = ""
    namespace: str = ""


class SourceOptions(Strict):
    """What may stand under a source's key, and what else there is to know of the source: each has an answer that most give."""

    text_is: ClassVar[str] = ""
    """The option that a bare text stands for."""
    takes: ClassVar[frozenset[str]] = frozenset()
    """Keys of the gate that say what is asked of it: one that takes none has one figure."""
    is_promql: ClassVar[bool] = False
    """Whether these are in PromQL."""
    counts: ClassVar[bool] = False
    """Whether it counts the requests of both versions itself, from its first look on."""
    adds_up: ClassVar[bool] = False
    """Whether its value is of the time since the last look."""
    concludes: ClassVar[bool] = False
    """Whether it has no value: it passes or fails by itself, and something is made in the cluster for each measurement."""
    is_number: ClassVar[bool] = False
    """Whether its value is one number, whatever it is asked."""
    counts_visits: ClassVar[bool] = False
    """Whether an experiment may ask it."""

    @classmethod
    def written(cls, value: Any) -> Any:
        """The options, where a bare text stands for them."""
        return {cls.text_is: value} if cls.text_is and isinstance(value, str) else value

    @property
    def is_rehearsed(self) -> bool:
        """Whether a modelled application answers it as a real one does."""
        return False

    def templates(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every text of them that is a template, with its path."""
        return iter(())

    def needs(self, namespace: str) -> Iterator[Need]:
        """What it asks the cluster, besides reading pods and their logs, which every release does."""
        return iter(())

    def check_counters(self, counters: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
        """Raises Wrong for what an experiment cannot ask of it, with the path in the experiment."""


Options = TypeVar("Options", bound=SourceOptions)


class Sourced(Strict):
    """What has its figures from a source: a field for each that there is (`source_fields`), of which one is set."""

    @property
    def named(self) -> list[str]:
        return [key for key in SOURCES if getattr(self, key, None) is not None]

    @property
    def source(self) -> str:
        return self.named[0]

    @property
    def options(self) -> SourceOptions:
        """Those of its source."""
        found: SourceOptions = getattr(self, self.source)
        return found

    def options_as(self, kind: type[Options]) -> Options:
        """The same, for their own source."""
        options = self.options
        assert isinstance(options, kind)
        return options


def adapter(key: str) -> Any:
    """The class of that source; its file is loaded then."""
    module, _, name = SOURCES[key].rpartition(".")
    return getattr(import_module(f"...measure.{module}", __name__), name)


def options_of(key: str) -> type[SourceOptions]:
    found: type[SourceOptions] = adapter(key).options
    return found


def source_fields(keys: Iterable[str]) -> Any:
    """For pydantic's `create_model`."""
    made = {key: options_of(key) for key in keys}
    return {
        key: (Annotated[options, BeforeValidator(options.written)] | None, Field(None, description=options.__doc__))
        for key, options in made.items()
    }
