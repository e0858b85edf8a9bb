"""A load that others send: what is told, and merged, is what one load from here would have counted."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rollway.errors import BadInput
from rollway.load import share, told
from rollway.load.afar import Afar
from rollway.load.client import Answer
from rollway.load.merging import CUT, SILENT_S, UNHEARD, Merging
from rollway.load.report import Missing, Report, Sample
from rollway.load.share import Share, workers_of
from rollway.load.target import Expected, Target
from rollway.load.told import LONGEST, Ended, Teller, Told
from rollway.load.worker import Worker
from tallied import report_of
from webs import served

RATE = 20.0
GOOD = Answer(200, "v1")
ANSWERS = [GOOD, Answer(200, "v2"), Answer(503, "v1", "5xx", "status 503"), Answer(0, "", "timeout", "none within 5 s")]

samples = st.lists(
    st.tuples(st.integers(0, 5_000), st.integers(1, 3_000_000), st.sampled_from(ANSWERS)), min_size=1, max_size=80
).map(
    lambda rows: [
        Sample(number, number / RATE, late / 1e6, took / 1e6, *answer) for number, (late, took, answer) in enumerate(rows)
    ]
)


def merged_of(found: list[Sample], workers: int, chance: random.Random, *, again: bool = True) -> Report:
    """Dealt out to workers, told a second at a time, and heard in any order of the workers, with what is heard twice."""
    merging = Merging(workers, RATE)
    tellers = [Teller(0, 0.0) for _ in range(workers)]
    heard: list[list[str]] = [[*teller.lines(0.0, 0, (), ())] for teller in tellers]
    window = None
    over_s = max(max(each.ended_s for each in found), len(found) / RATE) + 1
    for second in range(1, int(over_s) + 2):
        for index in chance.sample(range(workers), workers):
            mine = [each for each in found if each.number % workers == index]
            ended = [
                Ended(each.number // workers, each.late_s, each.took_s, Answer(each.status, each.version, each.lost, each.detail))
                for each in mine
                if second - 1 <= each.ended_s < second
            ]
            begun = sum(each.due_s < second for each in mine)
            heard[index] += tellers[index].lines(float(second), begun, (), ended)
            known = heard[index] if again and chance.random() < 0.3 else heard[index][-3:]
            if window is None:
                for place, lines in enumerate(heard):
                    assert merging.hear(place, told.decoded(lines[0]))  # type: ignore[arg-type]
                window = merging.window(-1.0, lambda sample: None)
                assert window.first == 0
            for line in known:
                merging.hear(index, told.decoded(line))  # type: ignore[arg-type]
    assert window is not None
    window.last = len(found)
    return merging.end(window)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(samples, st.integers(1, 7), st.randoms(use_true_random=False))
def test_dealt_out_and_merged_it_is_one_load(found: list[Sample], workers: int, chance: random.Random) -> None:
    """Whatever the order in which workers are heard, and however often: every figure, to the microsecond."""
    whole = report_of(sorted(found, key=lambda each: (each.ended_s, each.number)), RATE)

    merged = merged_of(found, workers, chance)

    assert (merged.workers, merged.missing) == (workers, ())
    assert figures(replace(merged, workers=0)) == figures(whole)


def figures(report: Report) -> Report:
    """Sums of seconds depend on the order of what is added by the last bit."""
    latency = report.latency
    return replace(report, latency=replace(latency, mean_s=round(latency.mean_s, 9)), answer_gap_s=round(report.answer_gap_s, 9))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(ANSWERS)), max_size=2000
    )
)
def test_lines_are_short_and_read_as_they_were_written(rows: list[tuple[int, int, int, Answer]]) -> None:
    """However many samples a second has."""
    ended = [Ended(slot, late / 1e6, took / 1e6, answer) for slot, late, took, answer in rows]
    lines = [*Teller(0, 0.0).lines(1.5, 2000, range(len(rows)), ended)]
    found = [told.decoded(line) for line in lines]

    assert max(map(len, lines)) < 16 * 1024
    assert [each for line in found for each in line.ended] == ended  # type: ignore[union-attr]
    assert [line.seq for line in found] == [*range(len(lines))]  # type: ignore[union-attr]
    assert [line.at_s for line in found][-1] == 1.5  # type: ignore[union-attr]
    assert sum(len(line.skipped) for line in found) == len(rows)  # type: ignore[union-attr]
    assert told.decoded(lines[0][:-1]) is None


def test_a_line_of_long_answers_is_short_too() -> None:
    """Each version another one, of characters that take six."""
    ended = [Ended(n, 0, 0.001, Answer(200, f"{n}" + "é" * 500)) for n in range(100)]

    assert all(len(line) < 16 * 1024 for line in Teller(0, 0.0).lines(1, 100, (), ended))
    assert LONGEST < 16 * 1024


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):",
        "null",
        "[" * 5000,
        '{"rollwayLoad": ' + "[" * 100_000,
        '{"rollwayLoad": 0}',
        told.encoded(Told(0, 1.0, 5, 4)),
        told.encoded(Told(0, 1.0, 0, 10**9)),
        told.encoded(Told(-1, 1.0, 0, 1)),
        told.encoded(Told(0, 1.0, 0, 1)).replace('"at":1000000', '"at":NaN'),
        told.encoded(Told(0, 1.0, 0, 1)).replace('"at":1000000', '"at":1e400'),
        told.encoded(Told(0, 1.0, 0, 1, (), (Ended(0, 0, 0, GOOD),))).replace("[200,", "[true,"),
        told.encoded(Told(0, 1.0, 0, 1, (), (Ended(0, 0, 0, GOOD),))).replace(",0]]", ",7]]"),
        told.encoded(Told(0, 1.0, 0, 1, (), (Ended(0, 0, 0, GOOD),))).replace("null", '"eaten"'),
        told.encoded(Told(0, 1.0, 0, 1, (), (Ended(0, 0, 0, GOOD),))).replace("200", "0"),
    ],
)
def test_a_log_may_hold_anything(text: str) -> None:
    """What no worker writes is none of its lines."""
    assert told.decoded(text) is None


def test_a_line_of_another_time_is_none_of_a_workers() -> None:
    """It would have to be made up for with as many requests as are due until then."""
    merging = heard_by(2)

    assert not merging.hear(0, Told(5, 1e12, 0, 0))
    assert not merging.hear(0, Told(5, 1.0, 2**50, 2**50 + 1))
    assert merging.hear(0, Told(5, 1.0, 0, 5))


def heard_by(workers: int) -> Merging:
    merging = Merging(workers, RATE)
    for index in range(workers):
        assert merging.hear(index, Told(0, 0.01, 0, 0))
    return merging


def second(merging: Merging, index: int, seq: int, *, workers: int = 2, without: int = 0) -> None:
    """All requests of one more second, answered within 10 ms but for the last ones."""
    mine = int(RATE / workers)
    slots = range((seq - 1) * mine, seq * mine)
    merging.hear(
        index, Told(seq, float(seq), slots[0], slots[-1] + 1, (), tuple(Ended(k, 0, 0.01, GOOD) for k in slots[: mine - without]))
    )


def test_a_worker_that_is_gone_is_missing_and_lost_nothing() -> None:
    """What it had begun and not told of, and what it would have sent, is neither lost nor unsent; others' is all there."""
    merging = heard_by(2)
    window = merging.window(-1.0, lambda sample: None)
    second(merging, 0, 1)
    second(merging, 1, 1, without=3)
    merging.lose(1, "killed")
    for seq in (2, 3):
        second(merging, 0, seq)
    window.last = 60
    report = merging.end(window)

    assert (report.good, report.lost, report.unsent, report.unanswered) == (37, 0, 0, 0)
    assert (report.sent, report.is_behind) == (37, False)
    assert report.missing == (Missing(2, 0.75, 23, "killed"),)  # from its first request of which nothing is known
    assert report.seconds == 3.0


def test_the_outage_of_those_that_are_there_is_told_beside_one_that_is_gone() -> None:
    """A missing request neither ends an outage nor prolongs it."""
    merging = heard_by(2)
    window = merging.window(-1.0, lambda sample: None)
    merging.lose(1, "killed")
    lost = Answer(0, "", "refused", "")
    merging.hear(0, Told(1, 1.0, 0, 10, (), tuple(Ended(k, 0, 0.01, lost if 2 <= k < 5 else GOOD) for k in range(10))))
    window.last = 20

    assert merging.end(window).outage.requests == 3


def test_lines_that_are_gone_with_their_log_are_missing() -> None:
    """Nothing is known of what they told; what comes later counts."""
    merging = heard_by(1)
    window = merging.window(-1.0, lambda sample: None)
    second(merging, 0, 1, workers=1)
    second(merging, 0, 4, workers=1)
    window.last = 80
    report = merging.end(window)

    assert report.missing == (Missing(1, 1.0, 40, CUT),)
    assert (report.sent, report.good) == (40, 40)


def test_one_that_is_not_heard_holds_nobody_up() -> None:
    """Losses of others are told; when it is heard again, nothing is missing; at the end it is, from then on."""
    merging = heard_by(2)
    seen: list[Sample] = []
    window = merging.window(-1.0, seen.append)
    for seq in range(1, 5):
        second(merging, 0, seq)
    assert len(seen) == 1, "the order of ending is not known yet"
    for seq in range(5, int(SILENT_S) + 3):
        second(merging, 0, seq)
    assert seen
    assert merging.silent == [1]
    for seq in range(1, 4):
        second(merging, 1, seq)
    for seq in range(int(SILENT_S) + 3, int(SILENT_S) + 6):
        second(merging, 0, seq)
    window.last = int(RATE) * (int(SILENT_S) + 5)
    report = merging.end(window)

    assert report.missing == (Missing(2, 3.05, 70, UNHEARD),)
    assert (report.lost, report.unanswered) == (0, 0)


def test_what_was_sent_before_all_were_there_counts_for_nothing() -> None:
    """A window begins after all that was told by then."""
    merging = heard_by(2)
    second(merging, 0, 1)
    window = merging.window(0.4, lambda sample: None)
    second(merging, 1, 1)
    assert window.first == 19, "the other one's, which it has not told of"
    for seq in (2, 3):
        for index in (0, 1):
            second(merging, index, seq)
    window.last = 60

    assert (merging.end(window).sent, merging.end(window).good) == (41, 41)


def test_a_share_is_read_as_it_was_written() -> None:
    """All that a target has, secrets and bytes too."""
    target = Target.of(
        "https://shop.example.com:8443/a?b=c d", method="post", headers=["Authorization: Bearer x", "X-A: ü"], body=b"\x00\xff",
        host="other.example.com", expected=Expected.of("201,2xx"), timeout_s=2.5, keeps_alive=True, is_insecure=True,
        version_header="X-Build",
    )  # fmt: skip
    written = Share(target, 100.0, 4, 1_800_000_000.25, 3)

    assert share.decoded(share.encoded(written), 3) == written
    plain = Share(Target.of("http://shop/"), 4.0, 2, 0.0)
    assert share.decoded(share.encoded(plain), 0) == plain


@pytest.mark.parametrize("data", ["", "{}", "[]", "7", json.dumps({"format": "x"})])
def test_a_share_that_cannot_be_read(data: str) -> None:
    """One sentence, and what helps."""
    with pytest.raises(BadInput, match="cannot be read") as caught:
        share.decoded(data, 0)
    assert "image" in caught.value.hint


def test_slots_are_all_numbers_once() -> None:
    """Whenever each begins."""
    shares = [Share(Target.of("http://x/"), 10.0, 3, 0.0, index) for index in range(3)]
    numbers = sorted(round(each.due_s(slot) * 10) for each in shares for slot in range(each.slot_after(1.0), 20))

    assert numbers[0] == 10
    assert numbers[:40] == [*range(10, 50)]
    assert shares[1].slot_after(0.1) == 0
    assert shares[1].slot_after(-5.0) == 0


@pytest.mark.parametrize(
    ("count", "rate", "is_fine"),
    [(1, 1, True), (0, 1, False), (101, 1000, False), (4, 3.5, False), (1, 0.5, False), (100, 20_001, False)],
)
def test_how_many_can_share_a_load(count: int, rate: float, is_fine: bool) -> None:
    """One to a hundred, each with a request a second at least."""
    if is_fine:
        assert workers_of(count, rate) == count
    else:
        with pytest.raises(BadInput):
            workers_of(count, rate)


@pytest.mark.real_time
def test_workers_for_real_are_one_load() -> None:
    """Three of them at one server, a window of their time, then one of them gone."""
    from aiohttp import web

    async def handler(request: web.Request) -> web.Response:
        return web.Response(headers={"X-Version": "v1"}, status=503 if request.query.get("bad") else 200)

    async def main() -> tuple[Report, Report]:
        async with served(handler) as url:
            afar = Afar(3, 60.0, 5.0)
            loop = asyncio.get_running_loop()
            tasks = []
            for index in range(3):
                whole = Share(Target.of(url), 60.0, 3, 1000.0, index)

                def tell(line: str, index: int = index) -> None:
                    found = told.decoded(line)
                    assert found is not None
                    afar.hear(index, found)

                worker = Worker(whole, lambda: 1000.0 + loop.time(), tell)
                tasks.append(asyncio.create_task(worker.run()))
            while afar.merging.unheard:
                await afar.changed(1)
            assert (await afar.first(is_good=True)).lost is None
            load = afar.load()
            await load.run(2.0)
            whole_report = await load.close(5.0)
            load = afar.load()
            await asyncio.wait({asyncio.create_task(load.run())}, timeout=1)
            tasks[1].cancel()
            await asyncio.wait({tasks[1]})
            afar.lose(1, "killed")
            await load.run(3.0)
            broken = await load.close(5.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return whole_report, broken

    whole, broken = asyncio.run(main())
    assert (whole.sent, whole.good, whole.lost, whole.unanswered, whole.missing) == (120, 120, 0, 0, ())
    assert whole.versions == {"v1": 120}
    assert (broken.lost, broken.unsent, broken.unanswered) == (0, 0, 0)
    (missing,) = broken.missing
    assert (missing.worker, missing.reason) == (2, "killed")
    assert broken.sent + missing.requests == 180
