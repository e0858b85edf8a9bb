"""Schedules and time zones that a CronJob is refused for, in cron's own words."""

from __future__ import annotations

import pytest
from rollway.kube.defaults import fill
from rollway.kube.objects import CRON_JOB
from rollway.kube.validation import dispatch


def told(schedule: str, zone: str | None = None) -> str:
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}
    spec = {"schedule": schedule, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    obj = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "c"},
        "spec": spec | ({"timeZone": zone} if zone else {}),
    }
    fill(obj)
    return ", ".join(each.text for each in dispatch.problems(CRON_JOB, obj))


@pytest.mark.parametrize(
    "schedule",
    ["* * * * *", "*/5 0-6,12 1 JAN,feb mon-FRI", "0 0 ? * *", "@daily", "@every 1h30m", "5/15 * * * *", "0 0 29 2 *"],
)
def test_what_cron_understands(schedule: str) -> None:
    assert told(schedule) == ""
    assert told(schedule, "Europe/Rome") == ""


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@noon", "unrecognized descriptor: @noon"),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
    ],
)
def test_what_it_does_not(schedule: str, why: str) -> None:
    assert told(schedule) == f'Invalid value: "{schedule}": {why}'


def test_a_zone_stands_in_its_own_field() -> None:
    alone = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
    assert told("TZ=UTC * * * * *") == f'Invalid value: "TZ=UTC * * * * *": {alone}'
    assert told("* * * * *", "Mars/Base") == 'Invalid value: "Mars/Base": unknown time zone Mars/Base'
    assert told("* * * * *", "../etc") == 'Invalid value: "../etc": time: invalid location name'
