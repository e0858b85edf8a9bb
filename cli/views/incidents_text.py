"""What gates decided of the courses of things in a file: in words, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ...compare.incident import Course, Moment
from ...release.incidents import Expected, Incident
from ...release.yamlfile import Document
from .paint import Paint
from .words import duration


class Tried(NamedTuple):
    """`number` is the test's place in the file."""

    number: int
    incident: Incident
    course: Course

    @property
    def wrong(self) -> list[tuple[int, Expected, Moment]]:
        """What was decided otherwise: the place of what was expected, that, and what was seen."""
        seen = [(place, each, self.course.seen(each)) for place, each in enumerate(self.incident.expect)]
        return [(place, each, moment) for place, each, moment in seen if moment.phase != (each.phase or each.release)]

    @property
    def is_right(self) -> bool:
        return not self.wrong


def tried_lines(found: Sequence[Tried], document: Document, paint: Paint) -> Iterator[str]:
    for one in found:
        yield f"{paint.glyph('✓' if one.is_right else '✗')} {paint(one.incident.name, 'strong')}"
        for place, expected, seen in one.wrong:
            what = f"gate {expected.gate}" if expected.gate is not None else "the release"
            where = document.where(("tests", one.number, "expect", place))
            yield f"    {where}: {what} is {seen.phase} at {duration(expected.at)}, wanted {expected.phase or expected.release}"
            yield from ([f"      {seen.why}"] if seen.why else [])
            yield from (f"      {paint(line, 'faint')}" for line in _later(one.course, expected))
    right = sum(one.is_right for one in found)
    yield f"{right} of {len(found)} tests as expected"


def _later(course: Course, expected: Expected) -> Iterator[str]:
    """When it was so, where it was."""
    moments = course.release if expected.gate is None else course.gates.get(expected.gate, [])
    wanted = expected.phase or expected.release
    if then := next((each for each in moments if each.phase == wanted), None):
        yield f"it was at {duration(then.at_s)}"


def tried_document(found: Sequence[Tried], document: Document) -> dict[str, Any]:
    return {
        "tests": [
            {
                "name": one.incident.name,
                "right": one.is_right,
                "wrong": [
                    {
                        "where": document.where(("tests", one.number, "expect", place)),
                        "at": expected.at,
                        "gate": expected.gate,
                        "wanted": expected.phase or expected.release,
                        "seen": seen.phase,
                        "why": seen.why,
                    }
                    for place, expected, seen in one.wrong
                ],
                "gates": {name: [_moment(each) for each in moments] for name, moments in one.course.gates.items()},
                "release": [_moment(each) for each in one.course.release],
            }
            for one in found
        ]
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {"seconds": round(moment.at_s, 1), "phase": moment.phase, "why": moment.why}
