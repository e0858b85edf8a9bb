"""How a command is shown: one interface, a view for people and one for programs. Results go to stdout, progress to stderr."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ...cluster.events import RunEvent
    from ...compare.results import Comparison, Forecast
    from ...errors import RollwayError
    from ...plan.plan import Plan
    from ...plan.revision import Revision
    from ...ship.checking import Checked
    from ...ship.listing import Listed
    from ...ship.many import ManyEvent, Outcome, Planned
    from ...ship.run import Result
    from ...ship.sight import Sight
    from ...ship.status import Status


class View(Protocol):
    """Each command shows one result by one of these methods; `note` and `event` may come any number of times before it."""

    def note(self, line: str) -> None:
        """A remark on the way."""
        ...

    def findings(self, checked: Sequence[Checked], *, is_refused: bool = False) -> None:
        """What was found before a run, which is refused for it or goes on; the result's document has it as well."""
        ...

    def check(self, checked: Sequence[Checked], *, strategy: str | None = None) -> None:
        """What `deploy check` found."""
        ...

    def plan(self, plan: Plan, *, where: str = "", diff: bool = False, forecast: Forecast | None = None) -> None:
        """What would be done. `where` names the cluster; `diff` adds what changes of each object, `forecast` what it takes."""
        ...

    def event(self, event: RunEvent) -> None:
        """Something happened in a run."""
        ...

    def result(self, result: Result) -> None:
        """How a run ended."""
        ...

    def plans(self, planned: Sequence[Planned], *, where: str = "", diff: bool = False) -> None:
        """What would be done for several releases."""
        ...

    def many_event(self, event: ManyEvent) -> None:
        """Something happened in a run of several releases."""
        ...

    def many_result(self, outcomes: Sequence[Outcome]) -> None:
        """How a run of several ended."""
        ...

    def status(self, status: Status, *, action: str = "status", strategy: str = "") -> None: ...

    def history(self, app: str, namespace: str, revisions: Sequence[Revision]) -> None: ...

    def statuses(self, found: Sequence[tuple[Status, str]], *, action: str = "status") -> None:
        """Of several applications, each with its release file's strategy."""
        ...

    def listed(self, found: Sequence[Listed], *, everywhere: bool = False) -> None:
        """All applications of a namespace, or of all of them."""
        ...

    def sight(self, sight: Sight) -> None:
        """An application as it is seen at a moment."""
        ...

    def histories(self, found: Sequence[tuple[str, str, Sequence[Revision]]]) -> None:
        """Of several applications: name, namespace, revisions."""
        ...

    def comparison(self, comparison: Comparison, *, measured: Comparison | None = None, bands: bool = False) -> None:
        """What rehearsals of several strategies found out. `measured`: the same done at real pace; `bands`: traffic over time is
        part of the data, too (people always see it)."""
        ...

    def document(self, data: Mapping[str, Any], text: str) -> None:
        """Any other result: as data, and in words."""
        ...

    def error(self, error: RollwayError) -> None: ...

    def close(self) -> None:
        """Ends what moves on the screen. May be called twice."""
        ...


def view_for(output: str, *, is_verbose: bool = False) -> View:
    view = _plain_view(output, is_verbose)
    if not is_on_github():
        return view
    from .github import GithubView

    return GithubView(view, summary=os.environ.get("GITHUB_STEP_SUMMARY"), workspace=os.environ.get("GITHUB_WORKSPACE"))


def is_on_github() -> bool:
    """Whether this runs in a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _plain_view(output: str, is_verbose: bool) -> View:
    if output == "json":
        from .json import JsonView

        return JsonView()
    if output == "sarif":
        from .sarif import SarifView

        return SarifView()
    from .human import HumanView

    return HumanView(is_verbose=is_verbose)
