"""A release as a trace: one span a run, one a step, and nothing of it that holds a release up or breaks it."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from rollway.errors import Refused
from rollway.ship.tracing import Tracer, asked, tracer_of
from shop import World, in_world, release

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def spans_of(story: Any, environment: dict[str, str] | None = None) -> list[Any]:
    """The spans that a story in a world leaves, by their beginning."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    in_world(lambda world: story(world, Tracer(provider, environment or {})))
    return sorted(exporter.get_finished_spans(), key=lambda span: span.start_time)


async def shipped(world: World, tracer: Tracer, *tags: str, **how: Any) -> Any:
    for tag in tags:
        result = await world.ship("apply", release(tag, strategy=how.get("strategy", "ramped")), tracer=tracer)
    return result


def test_a_span_a_run_and_one_a_step() -> None:
    async def story(world: World, tracer: Tracer) -> None:
        await shipped(world, tracer, "v1", "v2")

    spans = spans_of(story)
    roots = [span for span in spans if span.parent is None]
    assert [span.name for span in roots] == ["apply shop", "apply shop"]
    assert {**roots[1].attributes} | {"rollway.revision": 2} == {
        "rollway.app": "shop", "k8s.namespace.name": "shop", "rollway.action": "apply", "rollway.strategy": "ramped",
        "rollway.version.from": "v1", "rollway.version.to": "v2", "rollway.revision": 2, "rollway.weight": 100,
    }  # fmt: skip
    steps = [span for span in spans if span.parent and span.parent.span_id == roots[1].context.span_id]
    assert [span.name for span in steps if not span.name.startswith("Record")] == [
        "Apply Deployment shop",
        "Wait Deployment shop",
    ]
    assert all(span.status.is_unset and span.end_time for span in spans)


def test_a_release_that_failed_and_went_back_says_where() -> None:
    async def story(world: World, tracer: Tracer) -> None:
        result = await shipped(world, tracer, "v1", "bad")
        assert result.phase == "RolledBack"

    spans = spans_of(story)
    root = [span for span in spans if span.parent is None][-1]
    assert not root.status.is_ok
    assert root.status.description
    assert [event.name for event in root.events][-1] == "going back"
    (failed,) = (span for span in spans if span.parent and not span.status.is_unset)
    assert failed.name == "Wait Deployment shop"
    assert root.attributes["rollway.version.to"] == "v1"


def test_what_is_refused_is_an_error_and_has_no_step() -> None:
    async def story(world: World, tracer: Tracer) -> None:
        await shipped(world, tracer, "v1")
        await shipped(world, tracer, "v2", strategy="canary")
        with pytest.raises(Refused):
            await shipped(world, tracer, "v3", strategy="canary")

    root = [span for span in spans_of(story) if span.parent is None][-1]
    assert "is paused at 10%" in root.status.description


def test_it_is_a_part_of_the_pipeline_s_trace() -> None:
    async def story(world: World, tracer: Tracer) -> None:
        await shipped(world, tracer, "v1")

    for span in spans_of(story, {"TRACEPARENT": PARENT}):
        assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]


def test_a_tracer_that_breaks_breaks_no_release() -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    async def story(world: World) -> Any:
        tracer = Tracer(TracerProvider(shutdown_on_exit=False), {})
        tracer.begin = lambda *words: ((trace := Tracer.begin(tracer, *words)) and setattr(trace, "_tracer", Broken())) or trace  # type: ignore[method-assign,func-returns-value]
        return await shipped(world, tracer, "v1")

    assert in_world(story).phase == "Promoted"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "shop"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "is grpc, and http/protobuf"),
    ],
)
def test_who_asks_for_none_gets_none(environment: dict[str, str], said: str | None) -> None:
    notes: list[str] = []
    assert tracer_of(environment, notes.append) is None
    assert [said in note for note in notes] == ([True] if said else [])
    assert asked(environment) is bool(said)


def test_without_the_extra_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    notes: list[str] = []
    assert tracer_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, notes.append) is None
    assert ["pip install 'rollway[otel]'" in note for note in notes] == [True]


def test_nobody_else_pays_for_it() -> None:
    code = "import sys, rollway.cli.running, rollway.ship.run; sys.exit(any(m.startswith('opentelemetry') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# over HTTP, to a collector that is there, hangs, or is not


@contextmanager
def collector(hangs_s: float = 0.0) -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    taken: list[ExportTraceServiceRequest] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(hangs_s)
            taken.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        server.server_close()


def sent(address: str, monkeypatch: pytest.MonkeyPatch) -> float:
    """How long the end of a command waits for a collector at that address."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    notes: list[str] = []
    tracer = tracer_of(os.environ, notes.append)
    assert tracer is not None
    with tracer.begin("shop", "web", "apply"):
        pass
    began = time.monotonic()
    tracer.close(seconds=1.0)
    assert notes == []
    return time.monotonic() - began


@pytest.mark.real_time
def test_a_collector_gets_them_and_one_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, late: Any) -> None:
    with collector() as (address, taken):
        sent(address, monkeypatch)
        (request,) = taken
        (of,) = request.resource_spans
        names = {each.key: each.value.string_value for each in of.resource.attributes}
        assert names["service.name"] == "rollway"
        assert [span.name for each in of.scope_spans for span in each.spans] == ["apply shop"]
    with collector(hangs_s=20) as (address, taken):
        assert sent(address, monkeypatch) < 1.5 + late()
        assert taken == []
    assert sent("http://127.0.0.1:9", monkeypatch) < 1.5 + late()
