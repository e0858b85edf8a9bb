"""What the API server refuses in CronJobs, in its own words: above all in schedules and time zones."""

from __future__ import annotations

from ..durations import is_duration
from ..objects import Obj
from . import checks
from .batch import job_spec
from .checks import Problems

_POLICIES = ("Allow", "Forbid", "Replace")
_LONGEST_NAME = 52
"""Its Jobs are called by it and the minute, and a Job's name is a label."""
_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_DAYS = dict(zip(("sun", "mon", "tue", "wed", "thu", "fri", "sat"), range(7), strict=True))
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, _MONTHS), (0, 6, _DAYS),
)  # fmt: skip


def cron_job(obj: Obj) -> Problems:
    spec, template = obj["spec"], "spec.jobTemplate.spec"
    yield from _schedule("spec.schedule", spec.get("schedule", ""), spec.get("timeZone"))
    if (zone := spec.get("timeZone")) is not None:
        yield from _zone("spec.timeZone", zone)
    if spec.get("concurrencyPolicy") not in _POLICIES:
        yield checks.unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), _POLICIES)
    for name in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from checks.not_negative(f"spec.{name}", spec.get(name))
    job = spec["jobTemplate"]["spec"]
    yield from job_spec(template, job)
    if job.get("selector") is not None:
        yield checks.invalid(f"{template}.selector", job["selector"], "`selector` will be auto-generated")
    if job.get("manualSelector"):
        yield checks.unsupported(f"{template}.manualSelector", True, ("nil", "false"))
    if len(obj["metadata"].get("name", "")) > _LONGEST_NAME:
        yield checks.invalid("metadata.name", obj["metadata"]["name"], f"must be no more than {_LONGEST_NAME} characters")


def _zone(field: str, zone: str) -> Problems:
    if not zone:
        yield checks.invalid(field, zone, "timeZone must be nil or non-empty string")
    elif zone.lower() == "local":
        yield checks.invalid(field, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
    elif why := _unknown_zone(zone):
        yield checks.invalid(field, zone, why)


def _unknown_zone(zone: str) -> str:
    """Why it is none; empty where it is one, or where this machine knows none at all."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if ".." in zone or zone[0] in "/\\":
        return "time: invalid location name"
    try:
        if zone != "UTC":
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"unknown time zone {zone}"
    return ""


def _schedule(field: str, schedule: str, zone: str | None) -> Problems:
    if not schedule:
        yield checks.required(field)
        return
    if why := misread(schedule):
        yield checks.invalid(field, schedule, why)
    if "TZ" in schedule:
        both = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        alone = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield checks.invalid(field, schedule, both if zone is not None else alone)


def misread(schedule: str) -> str:
    """Why cron does not understand it: the first thing that is wrong."""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        schedule = schedule.partition(" ")[2].strip()
    if schedule.startswith("@every "):
        span = schedule.removeprefix("@every ")
        return "" if is_duration(span) else f'failed to parse duration {schedule}: time: invalid duration "{span}"'
    if schedule.startswith("@"):
        return "" if schedule in _MACROS else f"unrecognized descriptor: {schedule}"
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{' '.join(fields)}]"
    for text, (least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if part and (why := _misread_range(part, least, most, names)):
                return why
    return ""


def _misread_range(text: str, least: int, most: int, names: dict[str, int]) -> str:
    """`*`, `3`, `1-5`, each maybe with a step."""
    span, *steps = text.split("/")
    ends = span.split("-")
    try:
        if span in ("*", "?") or ends[0] in ("*", "?"):
            start, end = least, most
        elif len(ends) > 2:
            return f"too many hyphens: {text}"
        else:
            start = _number(ends[0], names)
            end = _number(ends[-1], names)
        if len(steps) > 1:
            return f"too many slashes: {text}"
        step = _number(steps[0], {}) if steps else 1
    except ValueError as problem:
        return str(problem)
    end = most if steps and len(ends) == 1 else end
    if start < least:
        return f"beginning of range ({start}) below minimum ({least}): {text}"
    if end > most:
        return f"end of range ({end}) above maximum ({most}): {text}"
    if start > end:
        return f"beginning of range ({start}) beyond end of range ({end}): {text}"
    return f"step of range should be a positive number: {text}" if step == 0 else ""


def _number(text: str, names: dict[str, int]) -> int:
    if (known := names.get(text.lower())) is not None:
        return known
    try:
        return int(text)
    except ValueError:
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax') from None
