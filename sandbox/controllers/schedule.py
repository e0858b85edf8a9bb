"""The schedules of CronJobs: cron's five fields, its macros, and `@every 90s`. (cronsim reads the fields.)"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ...kube.durations import seconds

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "


class Unreadable(ValueError):
    """No schedule, or no time zone."""


def following(schedule: str, zone: str | None, after: datetime) -> datetime:
    """The first moment after that one. Raises Unreadable."""
    from cronsim import CronSim, CronSimError

    if schedule.startswith(_EVERY):
        return _later(after, schedule.removeprefix(_EVERY))
    fields = MACROS.get(schedule.strip(), schedule).replace("?", "*")
    try:
        local = after.astimezone(ZoneInfo(zone or "Etc/UTC"))
        return next(CronSim(fields, local)).astimezone(after.tzinfo)
    except (CronSimError, ZoneInfoNotFoundError, StopIteration, ValueError) as error:
        raise Unreadable(f"{schedule!r}: {error or type(error).__name__}") from None


def _later(after: datetime, span: str) -> datetime:
    """In whole seconds, one at least. Raises Unreadable."""
    try:
        return after.replace(microsecond=0) + timedelta(seconds=max(int(seconds(span)), 1))
    except OverflowError:
        raise Unreadable(f"{_EVERY}{span}: beyond the end of time") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


def last_due(schedule: str, zone: str | None, since: datetime, now: datetime) -> tuple[datetime | None, int]:
    """(the last moment after `since` that is not after now, how many there were; counting ends at 101)."""
    due, count, moment = None, 0, following(schedule, zone, since)
    while moment <= now:
        due, count = moment, count + 1
        if count > 100:  # far behind: only the last one matters, and it is near
            near = following(schedule, zone, now - timedelta(days=1))
            while near <= now:
                due, near = near, following(schedule, zone, near)
            break
        moment = following(schedule, zone, moment)
    return due, count
