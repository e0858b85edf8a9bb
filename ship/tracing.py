"""A release as a trace of OpenTelemetry: a span for the run, and one for each step and pause in it.

Whoever wants one says so by the variables that all of OpenTelemetry's tools heed (OTEL_EXPORTER_OTLP_ENDPOINT and its like); the
SDK is an extra, and is imported then. Spans are sent from a thread of their own: a collector that hangs, refuses or is away holds
nothing up, and no release fails by it. In a pipeline whose own trace stands in TRACEPARENT the run is a part of that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from .. import __version__
from ..cluster.events import Measured, Noticed, RunBegan, RunEvent, RunFailed, StepBegan, StepEnded, Waiting
from ..gates.figures import Phase
from ..plan.steps import Step

WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
HOW = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HTTP = "http/protobuf"
LAST_S = 2.0
"""What a command waits, when all is done and shown, for what has not been sent yet."""
INSTALL = "pip install 'rollway[otel]'"

Note = Callable[[str], None]


def asked(environment: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    return not is_off and any(environment.get(name) for name in WHERE)


def tracer_of(environment: Mapping[str, str], note: Note) -> Tracer | None:
    """None where nobody asks for traces, or what was asked for cannot be had, which is noted."""
    if not asked(environment):
        return None
    protocol = next((environment[name] for name in HOW if environment.get(name)), HTTP)
    if protocol != HTTP:
        note(f"no trace is sent: OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}, and {HTTP} is what there is")
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        note(f"no trace is sent: OTEL_… asks for one, and the extra for it is not installed: {INSTALL}")
        return None
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # its own threads would write between our lines
    try:
        named = {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": "rollway"}
        provider = TracerProvider(resource=Resource.create({**named, "service.version": __version__}), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except Exception as error:  # whatever the variables hold is none of the release's
        note(f"no trace is sent: {type(error).__name__}: {error}")
        return None
    return Tracer(provider, environment)


class Tracer:
    """Of one command. `provider` is a TracerProvider of the SDK."""

    def __init__(self, provider: Any, environment: Mapping[str, str]) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("rollway", __version__)
        self._parent = TraceContextTextMapPropagator().extract(
            {name: environment[name.upper()] for name in ("traceparent", "tracestate") if environment.get(name.upper())}
        )

    def begin(self, app: str, namespace: str, action: str) -> Trace:
        """A run's."""
        names = {"rollway.app": app, "k8s.namespace.name": namespace, "rollway.action": action}
        return Trace(self._tracer, self._tracer.start_span(f"{action} {app}", context=self._parent, attributes=names))

    def close(self, seconds: float = LAST_S) -> None:
        """Sends what there is; waits at most so long."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(seconds)


class Trace:
    """A run, as it is told. A context: at its end all spans are."""

    def __init__(self, tracer: Any, root: Any) -> None:
        self._tracer, self._root = tracer, root
        self._inner: Any = None

    def hear(self, event: RunEvent) -> None:
        match event:
            case RunBegan(plan, is_way_back):
                self._next()
                self._root.set_attributes({
                    "rollway.strategy": plan.strategy, "rollway.version.from": plan.from_version,
                    "rollway.version.to": plan.to_version, "rollway.revision": plan.revision, "rollway.weight": plan.weight,
                })  # fmt: skip
                if is_way_back:
                    self._root.add_event("going back", {"rollway.version.to": plan.to_version})
            case StepBegan(_, step):
                self._next(_named(step), {"rollway.why": str(getattr(step, "why", ""))})
            case StepEnded():
                self._next()
            case Waiting(seconds, weight):
                self._next(f"pause at {weight}%" if weight else "pause", {"rollway.pause.seconds": seconds})
            case Measured(gate):
                self._root.add_event("gate", {"rollway.gate": gate.gate, "rollway.gate.phase": gate.phase, "said": event.said})
                if gate.phase == Phase.FAILED:
                    self._root.set_attribute("rollway.gate.failed", gate.gate)
            case Noticed(message):
                self._root.add_event("noticed", {"message": message})
            case RunFailed(failure):
                self._fail(self._inner, failure.summary)
                self._next()
                self._fail(self._root, failure.summary)

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            self._fail(self._root, str(error) or type(error).__name__)
        self._next()
        self._root.end()

    def _next(self, name: str = "", attributes: Mapping[str, Any] | None = None) -> None:
        """Of the steps and pauses of a run there is one at a time."""
        from opentelemetry.trace import set_span_in_context

        if self._inner is not None:
            self._inner.end()
        context = set_span_in_context(self._root)
        self._inner = self._tracer.start_span(name, context=context, attributes=attributes) if name else None

    def _fail(self, span: Any, why: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        if span is not None:
            span.set_status(Status(StatusCode.ERROR, why))


def _named(step: Step) -> str:
    """`Apply Deployment shop`: few enough names to group by."""
    ref = getattr(step, "ref", None)
    return f"{type(step).__name__} {ref}" if ref is not None else type(step).__name__
