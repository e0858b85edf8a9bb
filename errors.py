"""Everything that can go wrong, in one tree. Raised where it is seen, caught once, in the CLI.

    RollwayError                 what, where, seen against wanted, what to try
    ├── BadInput            2    a file, a flag or a state that cannot be released; nothing was touched
    ├── Refused             3    nothing was touched
    │   ├── Locked               another run holds the application's lock
    │   ├── FieldsOwned          somebody else manages a field that the release would change
    │   └── StalePlan            the cluster has moved on since the plan was made
    ├── ClusterError        4    the cluster cannot be reached or forbids it
    │   ├── Unreachable          no answer
    │   ├── MissingRights        what the release needs and the account may not do, found before the first change
    │   └── ApiError             the API server answered with a Status
    │       ├── NotFound   404
    │       ├── Forbidden  403
    │       ├── Conflict   409   optimistic locking, or the object exists already
    │       ├── ApplyConflict 409  server-side apply met another field manager
    │       └── Invalid    422
    └── TimedOut            5    the release is left as it is and can go on

An unhealthy release is an outcome (exit 1), not an exception: an exception means that we could not find out or did not start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple


class RollwayError(Exception):
    """An error the user can act on.

    `summary` is one line: what went wrong, with what was seen against what was wanted. `detail` holds further lines, `hint`
    what to try, without the words "try:"; both may be empty.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, summary: str, *, detail: str = "", hint: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.hint = hint


class BadInput(RollwayError):
    """`where` is the place in the user's file ("deploy.yaml:7:3"), or empty."""

    exit_code = 2

    def __init__(self, summary: str, *, where: str = "", detail: str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {summary}" if where else summary, detail=detail, hint=hint)
        self.where = where


class Refused(RollwayError):
    exit_code = 3


class Locked(Refused):
    pass


class FieldsOwned(Refused):
    pass


class StalePlan(Refused):
    pass


class ClusterError(RollwayError):
    """`may_pass`: the API server is away, and may well be back in a while."""

    exit_code = 4

    @property
    def may_pass(self) -> bool:
        return False


class Unreachable(ClusterError):
    def __init__(self, summary: str, *, detail: str = "", hint: str = "", may_pass: bool = False) -> None:
        super().__init__(summary, detail=detail, hint=hint)
        self._may_pass = may_pass

    @property
    def may_pass(self) -> bool:
        return self._may_pass


class Silent(RollwayError):
    """An application's URL that answers nothing: the cluster may well be there."""

    exit_code = 4


class MissingRights(ClusterError):
    pass


class TimedOut(RollwayError):
    exit_code = 5


class FieldConflict(NamedTuple):
    """One cause of a server-side apply conflict: `manager` as the API names it, `field` as a path (".spec.replicas")."""

    manager: str
    field: str


class ApiError(ClusterError):
    """A Status that the API server answered: `code` (HTTP), `reason` ("NotFound"), its message, its details."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}

    @property
    def may_pass(self) -> bool:
        """Answers of what stands before an API server that is away."""
        return self.code in (502, 503, 504)

    @property
    def status(self) -> dict[str, Any]:
        """The Status object of the wire (meta/v1)."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body

    @staticmethod
    def of(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> ApiError:
        """The error class for this Status."""
        causes = (details or {}).get("causes", [])
        if code == 409 and any(cause.get("reason") == "FieldManagerConflict" for cause in causes):
            return ApplyConflict(message, details)
        return _BY_CODE.get(code, ApiError)(code, reason, message, details)


class NotFound(ApiError):
    pass


class Forbidden(ApiError):
    pass


class Conflict(ApiError):
    """The resourceVersion is not the live one, or (reason AlreadyExists) the name is taken."""


class Invalid(ApiError):
    pass


class ApplyConflict(ApiError):
    """Server-side apply would change fields of other managers, and force was not asked for."""

    def __init__(self, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(409, "Conflict", message, details)

    @property
    def conflicts(self) -> Sequence[FieldConflict]:
        """Parsed from the causes: `conflict with "kubectl" using apps/v1`, field `.spec.replicas`."""
        causes = self.details.get("causes", [])
        return [FieldConflict(_quoted(cause.get("message", "")), cause.get("field", "")) for cause in causes]


def _quoted(message: str) -> str:
    parts = message.split('"')
    return parts[1] if len(parts) > 2 else message


_BY_CODE: dict[int, type[ApiError]] = {403: Forbidden, 404: NotFound, 409: Conflict, 422: Invalid}
