"""What the proxy is to do, in the proxy's terms but without its syntax: listeners, hosts, routes, clusters. Frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Balancing = Literal["RANDOM", "ROUND_ROBIN", "LEAST_REQUEST"]
How = Literal["exact", "prefix", "regex", "present"]

CONNECT_TIMEOUT_S = 10.0
"""For a connection to a pod: Istio's and the AWS load balancer's. A pod that does not listen refuses at once."""


class Target(NamedTuple):
    """Where a pod answers."""

    address: str
    port: int


class Problem(NamedTuple):
    """What an object asks for and does not get. `kind` is the name of its kind, `message` one sentence."""

    kind: str
    namespace: str
    name: str
    message: str


@dataclass(frozen=True)
class Source:
    """Whose endpoints: of this port of a Service, by the port's name, or of a subset of its pods. `by_load_balancer`: those that
    the cloud load balancer has, and not those that the proxy knows."""

    namespace: str
    service: str
    port: str
    subset: tuple[tuple[str, str], ...] = ()
    by_load_balancer: bool = False


@dataclass(frozen=True)
class Cluster:
    """A group of endpoints that requests are balanced over: those of `fallback` while the source has none."""

    name: str
    source: Source
    balancing: Balancing = "RANDOM"
    is_http2: bool = False
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    fallback: Source | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """In the order in which they are asked for endpoints."""
        return (self.source,) if self.fallback is None else (self.source, self.fallback)


class Text(NamedTuple):
    """How a text is compared. A regex holds for the whole text."""

    how: How
    value: str = ""
    ignores_case: bool = False


ANY_PATH = Text("prefix", "/")


@dataclass(frozen=True)
class Named:
    """A header or a query parameter, by name."""

    name: str
    text: Text
    is_inverted: bool = False


@dataclass(frozen=True)
class Match:
    """All of it has to hold. `at_segments`: the prefix `/a` holds for `/a` and `/a/b`, not for `/ab`. `part`: for that share of
    the requests, and for the same ones wherever another route asks for as much or more."""

    path: Text = ANY_PATH
    at_segments: bool = False
    headers: tuple[Named, ...] = ()
    query: tuple[Named, ...] = ()
    part: float = 1.0


@dataclass(frozen=True)
class Edits:
    """Changes to headers, as (name, value). `is_plain`: a percent sign is one, and begins no variable of Envoy's."""

    to_set: tuple[tuple[str, str], ...] = ()
    to_add: tuple[tuple[str, str], ...] = ()
    to_remove: tuple[str, ...] = ()
    is_plain: bool = False


@dataclass(frozen=True)
class Headers:
    request: Edits = Edits()
    response: Edits = Edits()


@dataclass(frozen=True)
class Share:
    """A part of the requests, by weight among its siblings."""

    cluster: str
    weight: int = 1
    headers: Headers = Headers()


class Mirror(NamedTuple):
    """`keeps_host`: the copy is for the same host, rather than for it with `-shadow` behind."""

    cluster: str
    percent: float
    keeps_host: bool = False


@dataclass(frozen=True)
class Retries:
    """`attempts` beside the first. `conditions` are Envoy's own names."""

    attempts: int
    conditions: str
    codes: tuple[int, ...] = ()
    per_try_timeout_s: float = 0.0
    backoff_s: float = 0.0


@dataclass(frozen=True)
class Rewrite:
    """`prefix` takes the place of the matched one; `pattern` and `substitution` are a regex's; empty: left as it is."""

    prefix: str = ""
    pattern: str = ""
    substitution: str = ""
    host: str = ""


@dataclass(frozen=True)
class Fault:
    abort_status: int = 0
    abort_percent: float = 0.0
    delay_s: float = 0.0
    delay_percent: float = 0.0


@dataclass(frozen=True)
class Forward:
    """`timeout_s` 0: none."""

    shares: tuple[Share, ...]
    timeout_s: float = 0.0
    retries: Retries | None = None
    mirrors: tuple[Mirror, ...] = ()
    rewrite: Rewrite = Rewrite()


@dataclass(frozen=True)
class Cors:
    """What browsers may ask from pages of other origins. `origins` are regexes."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age_s: int = 0
    with_credentials: bool = False


@dataclass(frozen=True)
class Redirect:
    """`pattern` and `substitution` are a regex's, for the path."""

    code: int = 301
    path: str = ""
    prefix: str = ""
    pattern: str = ""
    substitution: str = ""
    host: str = ""
    scheme: str = ""
    port: int = 0


@dataclass(frozen=True)
class Answer:
    """Answered by the proxy itself."""

    status: int
    body: str = ""


@dataclass(frozen=True)
class Route:
    """`name` says whose it is; how errors are worded goes by its first part (see render)."""

    name: str
    match: Match
    action: Forward | Redirect | Answer
    headers: Headers = Headers()
    fault: Fault | None = None
    cors: Cors | None = None


@dataclass(frozen=True)
class Host:
    """The routes of some domains, the first that matches first."""

    domains: tuple[str, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Certificate:
    """In PEM, for who calls that name."""

    host: str
    routes: str
    chain: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True)
class Listener:
    """Either of connections, handed to `cluster`, or of requests, by the routes in `routes`. `is_gateway`: of the Gateway API:
    the port that was called is no part of the host, and browsers are told what they may ask. `certificates`: with TLS, each for
    a name (`*`: for all others), with routes of its own."""

    name: str
    address: str
    port: int
    cluster: str = ""
    routes: str = ""
    is_gateway: bool = False
    certificates: tuple[Certificate, ...] = ()


@dataclass(frozen=True)
class Config:
    """All of it. Clusters by name; routes by the name that listeners call them by."""

    listeners: tuple[Listener, ...] = ()
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    routes: Mapping[str, tuple[Host, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
