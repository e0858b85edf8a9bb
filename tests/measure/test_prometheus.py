"""A Prometheus over HTTP: what is asked, and what becomes of whatever it answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from rollway.gates.effects import Sums
from rollway.gates.figures import Both, Counts, Figures, Histograms, Pair, Pairs, Samples, Trials, Value
from rollway.measure import source_of
from rollway.measure.port import NoFigure, Quiet, Side, Unmeasured, Window
from rollway.release.abtests import AllOptions
from rollway.release.experiment_gate import experiment_of
from rollway.release.gates import Gate

NEW = Side("shop-canary", "canary", "v2", "shop-canary-1-[a-z0-9]+", ("shop-canary-1-a",))
STABLE = Side("shop", "stable", "v1", "shop-0-[a-z0-9]+", ("shop-0-a",))
WINDOW = Window("shop", "web", "shop", "shop", 2, 25, 30.0, 1, NEW, STABLE)


class Server:
    """Answers every query with what the test says, and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked: list[web.BaseRequest] = []
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        answer = self._answer(request.query.get("query", "")) if callable(self._answer) else self._answer
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": answer}})

    @property
    def queries(self) -> list[str]:
        return [request.query["query"] for request in self.asked]


def sample(value: float | str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1.0, str(value)]}


@asynccontextmanager
async def serving(answer: Any) -> AsyncIterator[Server]:
    server = Server(answer)
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


async def measured(server: Server, cluster: Any = None, window: Window = WINDOW, **keys: Any) -> Figures:
    options = keys.pop("prometheus", {})
    gate = Gate.model_validate({"name": "g", "prometheus": {"address": server.url + "/prom", **options}, **keys})
    source = source_of(gate, cluster, "web")
    try:
        return await source.measure(window)
    finally:
        await source.close()


async def refused(server: Server, **keys: Any) -> str:
    with pytest.raises(Unmeasured) as fault:
        await measured(server, **keys)
    return str(fault.value)


def run(story: Any) -> Any:
    return asyncio.run(story())


def test_a_query_is_filled_in_and_its_value_read() -> None:
    async def story() -> Any:
        async with serving([sample(0.25)]) as server:
            figures = await measured(server, query='e{p=~"{{ pods }}"}[{{interval}}]', max=1)
            return figures, server.queries, server.asked[0].path

    assert run(story) == (Value([0.25]), ['e{p=~"shop-canary-1-[a-z0-9]+"}[30s]'], "/prom/api/v1/query")


def test_both_versions_are_counted_and_no_failures_are_none() -> None:
    async def story() -> Any:
        counts = {"r-canary": [sample(50)], "r-stable": [sample(150)], "e-stable": [sample("1.5")], "e-canary": []}
        async with serving(lambda query: counts[query]) as server:
            return await measured(server, requests="r-{{track}}", errors="e-{{track}}")

    assert run(story) == Both(stable=Counts(150, 1.5), new=Counts(50, 0))


@pytest.mark.parametrize(
    ("requests", "errors", "kind", "said"),
    [
        ([], [], NoFigure, "a scrape interval of more than half of that shows none"),
        ([sample(0)], [], Quiet, "no request of either version in 30s"),
        ([sample("NaN")], [], NoFigure, "NaN, which is no count"),
        ([sample(100)], [sample("NaN")], NoFigure, "NaN, which is no count"),
        ([sample("+Inf")], [sample(1)], NoFigure, "inf, which is no count"),
        ([sample(-5)], [], NoFigure, "-5, which is no count"),
        ([sample("1e200")], [sample(1)], NoFigure, "1e+200, which is no count"),
        ([], [sample(5)], NoFigure, "5 errors and no requests of shop"),
    ],
)
def test_half_an_answer_is_no_count(requests: Any, errors: Any, kind: type[Unmeasured], said: str) -> None:
    """That nobody asks speaks against nothing; that nobody knows does."""

    async def story() -> None:
        async with serving(lambda query: requests if query[0] == "r" else errors) as server:
            await measured(server, requests="r-{{track}}", errors="e-{{track}}")

    with pytest.raises(NoFigure, match=re.escape(said)) as nothing:
        run(story)
    assert type(nothing.value) is kind


def test_the_ready_made_latency_is_a_histogram_in_seconds() -> None:
    async def story() -> Any:
        async with serving([sample(3, le="100"), sample(9, le="250"), sample(10, le="+Inf")]) as server:
            return await measured(server, use="istio", of="latency"), server.queries

    figures, queries = run(story)
    assert figures == Histograms({0.1: 3, 0.25: 9, float("inf"): 10}, {0.1: 3, 0.25: 9, float("inf"): 10})
    assert any('destination_workload="shop-canary"' in query for query in queries)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1", "1e200"])
def test_a_bucket_is_a_count_as_well(value: str) -> None:
    async def story() -> None:
        async with serving([sample(3, le="100"), sample(value, le="+Inf")]) as server:
            await measured(server, use="istio", of="latency")

    with pytest.raises(NoFigure, match="which is no count"):
        run(story)


def body(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status)


def error(message: str) -> web.Response:
    return web.json_response({"status": "error", "errorType": "bad_data", "error": message}, status=400)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda query: body("<html>502 Bad Gateway</html>", 502), "status 502"),
        (lambda query: body("", 200), "nothing in it"),
        (lambda query: body("{}", 200), "no answer of a Prometheus"),
        (lambda query: body("[" * 100_000, 200), "no JSON"),
        (lambda query: body("nope", 401), "credentials"),
        (lambda query: body("nope", 404), "is the path right?"),
        (lambda query: web.Response(status=302, headers={"Location": "http://evil.example/"}), "redirects"),
        (lambda query: error("1:4: parse error: unexpected end"), "the query is none: 1:4: parse error"),
        (lambda query: body("x" * (11 * 2**20)), "larger than 10 MiB"),
        ([], "no sample"),
        ([sample("NaN")], "NaN"),
        ([sample(1, le="1")] * 10_001, "10,001 series"),
        ([{"metric": {}, "value": "1"}], "no pair"),
        ([{"metric": {}, "histogram": [1, {}]}], "native histograms"),
    ],
    ids=range(14),
)
def test_whatever_else_it_answers_is_no_figure(answer: Any, said: str) -> None:
    async def story() -> Any:
        async with serving(answer) as server:
            return await refused(server, query="q", max=1)

    assert said in run(story)


def test_one_that_is_not_there_is_no_figure() -> None:
    async def story() -> Any:
        async with serving([]) as server:
            pass
        return await refused(server, query="q", max=1)

    assert "cannot be reached" in run(story)


def test_one_that_is_slow_is_no_figure() -> None:
    async def story() -> Any:
        async def slow(request: web.BaseRequest) -> web.StreamResponse:
            await asyncio.sleep(30)
            raise AssertionError

        server = Server([])
        runner = web.ServerRunner(web.Server(slow), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            return await refused(server, query="q", max=1, prometheus={"timeout": 1})
        finally:
            await runner.cleanup()

    assert "no answer within 1 s" in run(story)


def test_credentials_are_sent_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret\n")

    class Cluster:
        async def get(self, ref: Any) -> Any:
            assert (ref.namespace, ref.name) == ("web", "prom")
            return {"data": {"password": "aHVudGVyMg=="}}

    async def story() -> Any:
        async with serving(lambda query: body("no", 403)) as server:
            said = [await refused(server, query="q", max=1, prometheus={"bearerToken": {"env": "TOKEN"}})]
            basic = {"username": "me", "password": {"secret": "prom", "key": "password"}, "headers": {"X-Scope-OrgID": "7"}}
            said.append(await refused(server, query="q", max=1, cluster=Cluster(), prometheus=basic))
            return said, [dict(request.headers) for request in server.asked]

    said, headers = run(story)
    assert headers[0]["Authorization"] == "Bearer s3cret"
    assert headers[1]["Authorization"] == "Basic bWU6aHVudGVyMg=="
    assert headers[1]["X-Scope-OrgID"] == "7"
    assert not any("s3cret" in text or "hunter2" in text for text in said)


def test_a_credential_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)

    async def story() -> Any:
        async with serving([]) as server:
            return await refused(server, query="q", max=1, prometheus={"bearerToken": {"env": "TOKEN"}}), server.asked

    said, asked = run(story)
    assert said == "the environment variable TOKEN is not set"
    assert asked == []


def test_values_of_both_versions_are_asked_for_at_the_same_time() -> None:
    answers = {"cpu": [sample(0.5)], "canary-1": [sample(0.7)]}

    def answer(query: str) -> Any:
        return [] if "empty" in query else next(each for word, each in reversed(answers.items()) if word in query)

    async def run() -> tuple[Figures, list[str]]:
        async with serving(answer) as server:
            compare = {"cpu": 'cpu{pod=~"{{ pods }}"}', "none": 'empty{pod=~"{{ pods }}"}'}
            return await measured(server, compare=compare), sorted(server.queries)

    figures, queries = asyncio.run(run())
    assert figures == Pairs({"cpu": Pair(0.5, 0.7), "none": Pair(None, None)})
    assert queries == sorted(f'{name}{{pod=~"{pods}"}}' for name in ("cpu", "empty") for pods in (NEW.pods, STABLE.pods))


@pytest.mark.parametrize(
    ("answer", "said"), [([], "no query answers a value"), ([sample(1), sample(2)], "2 series"), ([sample("NaN")], "no query")]
)
def test_no_value_and_several_are_told(answer: Any, said: str) -> None:
    async def run() -> None:
        async with serving(answer) as server:
            await measured(server, compare='cpu{pod=~"{{ pods }}"}')

    with pytest.raises(Unmeasured, match=said):
        asyncio.run(run())


@pytest.mark.parametrize("has_squares", [False, True])
def test_what_visits_came_to_is_asked_of_both_versions(has_squares: bool) -> None:
    """What has no series yet is 0; of conversions there are no more than visits, whatever is extrapolated."""
    values = {"v": 10.0, "o": 12.0, "q": 30.0}
    keys = {"count": "v{{track}}", "total": "o{{track}}"} | ({"squares": "q{{track}}"} if has_squares else {})

    def answer(query: str) -> Any:
        return [sample(values[query[0]])] if query.endswith("stable") else []

    async def story() -> Any:
        async with serving(answer) as server:
            return await measured(server, effect=keys), server.queries

    samples, queries = asyncio.run(story())
    assert samples.stable == (Sums(10.0, 12.0, 30.0) if has_squares else Sums(10.0, 10.0))
    assert samples.new == (Sums(0.0, 0.0, 0.0) if has_squares else Sums(0.0, 0.0))
    assert len(queries) == (6 if has_squares else 4)


def test_without_a_visit_there_is_no_figure() -> None:
    async def story() -> str:
        async with serving([]) as server:
            return await refused(server, effect={"count": "v{{track}}", "total": "o{{track}}"})

    assert "no visit of either version in 30s" in asyncio.run(story())


# an experiment asks for all its metrics, of both versions, of one and the same time; or nothing

METRICS = {
    "errors": {"count": "v{{track}}", "total": "e{{track}}", "better": "lower", "guardrail": True},
    "orders": {"count": "v{{track}}", "total": "o{{track}}"},
    "revenue": {"count": "v{{track}}", "total": "r{{track}}", "squares": "q{{track}}"},
}
VALUES = {"v": 100.0, "e": 1.0, "o": 7.0, "r": 90.0, "q": 1000.0}


async def tried(server: Server) -> Any:
    experiment = {"prometheus": server.url, "metrics": METRICS, "primary": "orders", "callerAssigns": 50}
    ab = AllOptions.model_validate({"ab": {"experiment": experiment}}).ab
    assert ab.asks is not None
    source = source_of(experiment_of(ab, ab.asks), None, "shop")  # type: ignore[arg-type]
    try:
        return await source.measure(WINDOW)
    finally:
        await source.close()


def answering(**spoilt: Any) -> Any:
    """Each query by its first letter."""
    return lambda query: [sample(spoilt.get(query[0], VALUES[query[0]]))]


def asked(answer: Any) -> tuple[Any, list[str]]:
    async def story() -> Any:
        async with serving(answer) as server:
            return await tried(server), server.queries

    found: tuple[Any, list[str]] = asyncio.run(story())
    return found


def test_all_metrics_are_asked_and_the_primary_stands_first() -> None:
    figures, queries = asked(answering())
    assert isinstance(figures, Trials)
    assert list(figures.by_name) == ["orders", "errors", "revenue"]
    assert figures.by_name["orders"] == Samples(Sums(100.0, 7.0), Sums(100.0, 7.0))
    assert figures.by_name["revenue"].new == Sums(100.0, 90.0, 1000.0)
    assert figures.seconds == WINDOW.seconds
    assert len(queries) == 14


@pytest.mark.parametrize("which", ["v", "o", "e", "q"])
@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-5"])
def test_what_is_no_number_is_no_count(which: str, value: str) -> None:
    """Of one metric alone, too: taken for 0 it would decide. Nor is what a counter seems to lose that begins anew."""
    with pytest.raises(NoFigure, match="no count"):
        asked(answering(**{which: value}))


def test_of_one_metric_without_an_answer_none_is_counted() -> None:
    """Or they would be of different times."""
    with pytest.raises(Unmeasured):
        asked(lambda query: [sample(1), sample(2)] if query[0] == "e" else [sample(VALUES[query[0]])])
