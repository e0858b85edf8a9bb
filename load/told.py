"""What a worker tells of its share, a JSON line at least every second: how far it has come, and what became of which request.

Lines are numbered, so that a log that is read again counts nothing twice, and short enough for any container runtime to keep them
whole. What each request met is written once a line, and referred to: a sample is four small numbers.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from .client import Answer
from .report import Kind

KEY = "rollwayLoad"
EVERY_S = 1.0
LONGEST = 10_000
"""Characters of samples: with all else it is less than the 16 KiB at which runtimes break lines."""
MOST_SKIPPED = 200
MOST_TEXT = 200
MOST_BEGUN = 100_000
"""Slots in one line: more than the highest rate has in a second."""
_MICRO = 1_000_000
_KINDS = frozenset(get_args(Kind))


class Ended(NamedTuple):
    """A request of a worker's own slot; seconds as of `load.report.Sample`, exact to a microsecond."""

    slot: int
    late_s: float
    took_s: float
    answer: Answer


@dataclass(frozen=True)
class Told:
    """Line `seq` of a worker. From slot `begun_from` up to `begun_to` all were begun since the line before, and of those that
    were begun `skipped` could not be sent. All that had ended `at_s` after the epoch is told. `retried` is the sum of all."""

    seq: int
    at_s: float
    begun_from: int
    begun_to: int
    skipped: tuple[int, ...] = ()
    ended: tuple[Ended, ...] = ()
    retried: int = 0


class Teller:
    """Makes the lines of one worker."""

    def __init__(self, begun_from: int, at_s: float) -> None:
        self._seq, self._begun, self._at_s = 0, begun_from, at_s

    def lines(
        self, at_s: float, begun_to: int, skipped: Sequence[int], ended: Sequence[Ended], retried: int = 0
    ) -> Iterator[str]:
        """Of what has come since those before; at least one. The moment belongs to the last: before it, not all is told."""
        skips = [skipped[at : at + MOST_SKIPPED] for at in range(0, len(skipped), MOST_SKIPPED)]
        parts = list(itertools.zip_longest(skips, _parts(ended))) or [(None, None)]
        for place, (skip, part) in enumerate(parts):
            if place == len(parts) - 1:
                self._at_s = at_s
            yield self._line(begun_to, skip or (), part or (), retried)

    def _line(self, to: int, skipped: Sequence[int], ended: Sequence[Ended], retried: int) -> str:
        told = Told(self._seq, self._at_s, self._begun, to, tuple(skipped), tuple(ended), retried)
        self._seq, self._begun = self._seq + 1, to
        return encoded(told)


def _parts(ended: Sequence[Ended]) -> Iterator[Sequence[Ended]]:
    """As much as a line holds."""
    part: list[Ended] = []
    seen: set[Answer] = set()
    size = 0
    for each in ended:
        size += len(json.dumps(_row(each, len(seen)))) + (0 if each.answer in seen else len(json.dumps(_text(each.answer))) + 2)
        seen.add(each.answer)
        part.append(each)
        if size > LONGEST:
            yield part
            part, seen, size = [], set(), 0
    if part:
        yield part


def encoded(told: Told) -> str:
    answers = {answer: place for place, answer in enumerate(dict.fromkeys(each.answer for each in told.ended))}
    record = {
        KEY: told.seq,
        "at": round(told.at_s * _MICRO),
        "begun": [told.begun_from, told.begun_to],
        "skipped": told.skipped,
        "answers": [_text(answer) for answer in answers],
        "ended": [_row(each, answers[each.answer]) for each in told.ended],
        "retried": told.retried,
    }
    return json.dumps(record, separators=(",", ":"))


def _text(answer: Answer) -> list[Any]:
    return [answer.status, answer.version[:MOST_TEXT], answer.lost, answer.detail[:MOST_TEXT]]


def _row(each: Ended, place: int) -> list[int]:
    return [each.slot, round(each.late_s * _MICRO), round(each.took_s * _MICRO), place]


def decoded(text: str) -> Told | None:
    """None for a line that is none of these: a pod's log may hold any."""
    if KEY not in text[:100]:
        return None
    try:
        record = json.loads(text)
        answers = [_answer(*each) for each in record["answers"]]
        begun_from, begun_to = map(_count, record["begun"])
        told = Told(
            _count(record[KEY]), _count(record["at"], least=-math.inf) / _MICRO, begun_from, begun_to,
            tuple(map(_count, record["skipped"])), tuple(_ended(answers, *row) for row in record["ended"]),
            _count(record["retried"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError):
        return None
    return told if begun_from <= begun_to <= begun_from + MOST_BEGUN else None


def _count(value: Any, *, least: float = 0) -> int:
    if type(value) is not int or not least <= value < 2**53:
        raise ValueError(value)
    return value


def _answer(status: Any, version: Any, lost: Any, detail: Any) -> Answer:
    if not (isinstance(version, str) and isinstance(detail, str) and (lost is None or lost in _KINDS)):
        raise ValueError(lost)
    if _count(status) > 999 or (lost is None and not status):
        raise ValueError(status)
    return Answer(status, version[:MOST_TEXT], lost, detail[:MOST_TEXT])


def _ended(answers: Sequence[Answer], slot: Any, late: Any, took: Any, place: Any) -> Ended:
    return Ended(_count(slot), _count(late) / _MICRO, _count(took) / _MICRO, answers[_count(place)])
