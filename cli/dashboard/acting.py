"""What somebody does from the page: a plan is made and shown, and then that very plan is carried out, or refused."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...cluster.events import Failure, Noticed, RunBegan, RunEvent, RunFailed, StepBegan, StepEnded, StepMoved
from ...errors import Refused, RollwayError
from ...kube.clock import now, timestamp
from ...plan.plan import Action
from ...ship import known
from ...ship import run as ship
from ...ship.run import Result
from ...ship.saved import SavedPlan, bind
from .. import running, saved
from ..context import Connected
from ..running import How
from ..session import Session
from ..views import words
from ..views.json import JsonView, error_document
from . import documents

MOST_PLANS = 50
ACTIONS: tuple[Action, ...] = ("promote", "rollback")


class App(NamedTuple):
    namespace: str
    name: str


@dataclass
class Run:
    """One run, as the page is told of it. A `part` is a plan of it: the one agreed to, and the way back where there is one."""

    app: App
    action: str
    begun: str
    state: str = "running"
    parts: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: Mapping[str, Any] | None = None

    def hear(self, event: RunEvent) -> None:
        match event:
            case RunBegan(plan, is_way_back):
                steps = [{**each, "state": "", "now": ""} for each in documents.steps(plan)]
                self.parts.append({"title": words.title(plan), "isWayBack": is_way_back, "steps": steps})
            case StepBegan(index):
                self.step(index).update(state="doing")
            case StepMoved(index, _, message):
                self.step(index).update(now=message)
            case StepEnded(index):
                self.step(index).update(state="done", now="")
            case RunFailed(failure):
                self._fail(failure)
            case Noticed(message):
                self.notes.append(message)

    def step(self, index: int) -> dict[str, Any]:
        step: dict[str, Any] = self.parts[-1]["steps"][index]
        return step

    def _fail(self, failure: Failure) -> None:
        self.error = error_document(failure.summary, "\n".join(failure.told), "", 1)
        for each in self.parts[-1]["steps"] if self.parts else ():
            if each["state"] == "doing":
                each.update(state="failed")

    def end(self, result: Result) -> None:
        self.state = "done" if result.is_ok else "failed"
        self.notes += result.noticed
        if not self.parts:
            self.notes.append("all is as it is to be: there was nothing left to do")

    def refuse(self, error: RollwayError) -> None:
        self.state = "refused" if isinstance(error, Refused) else "failed"
        self.error = error_document(error.summary, error.detail, error.hint, error.exit_code)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "app": self.app.name, "namespace": self.app.namespace, "action": self.action, "begun": self.begun,
            "state": self.state, "parts": self.parts, "notes": self.notes, "error": self.error,
        }  # fmt: skip


class _Telling(JsonView):
    """The view of a run: the page instead of a terminal."""

    def __init__(self, run: Run, tell: Callable[[Run], None]) -> None:
        super().__init__()
        self._run, self._tell = run, tell

    def note(self, line: str) -> None:
        self._run.notes.append(line)
        self._tell(self._run)

    def event(self, event: RunEvent) -> None:
        self._run.hear(event)
        self._tell(self._run)

    def result(self, result: Result) -> None:
        self._run.end(result)


class Desk:
    """Plans that were shown, and runs of them; of an application one at a time. `told` are those that hear of every change."""

    def __init__(self, session: Session, connected: Connected, *, may_act: bool) -> None:
        self._session, self._connected, self.may_act = session, connected, may_act
        self._plans: OrderedDict[str, SavedPlan] = OrderedDict()
        self._tasks: dict[App, asyncio.Task[None]] = {}
        self.runs: dict[App, Run] = {}
        self.told: set[Callable[[Run], None]] = set()

    async def plan(self, app: App, action: Action) -> dict[str, Any]:
        """What the action would do now; with the `id` by which that very plan can be carried out, where one may act.
        Raises RollwayError."""
        cluster, asked = self._connected.cluster, running.request(action)
        release = await known.released(cluster, app.name, app.namespace, must_hold=action == "promote")
        made = await ship.plan(cluster, release, asked)
        document = documents.planned(made)
        if not self.may_act or made.is_empty:
            return document | {"id": ""}
        bound = await bind(cluster, release, asked, made, strategy=None, is_override=False, force=False)
        return document | {"id": self._keep(bound)}

    def _keep(self, plan: SavedPlan) -> str:
        name = secrets.token_urlsafe(16)
        self._plans[name] = plan
        while len(self._plans) > MOST_PLANS:
            self._plans.popitem(last=False)
        return name

    def begin(self, name: str) -> None:
        """Carries out a plan that was shown, once. Raises Refused where that cannot be."""
        if not self.may_act:
            raise Refused("this dashboard shows, and changes nothing", hint="deploy dashboard --allow-actions")
        plan = self._plans.get(name)
        if plan is None:
            raise Refused("this plan is not known any more, or was carried out", hint="make it again, and read it")
        app = App(plan.namespace, plan.app)
        if app in self._tasks:
            raise Refused(f"a run of {app.name} is under way here already", hint="it is shown on the page")
        del self._plans[name]
        run = self.runs[app] = Run(app, plan.action, timestamp(now()))
        self._tasks[app] = asyncio.create_task(self._carry_out(run, plan))

    async def _carry_out(self, run: Run, plan: SavedPlan) -> None:
        self._session.view.note(f"{run.action} of {run.app.name} in namespace {run.app.namespace}: begun from the page")
        self._tell(run)
        try:
            session = Session(self._session.surroundings, _Telling(run, self._tell))
            await saved.carry_out(session, plan, plan.release, self._connected, How())
        except RollwayError as error:
            run.refuse(error)
        except asyncio.CancelledError:
            run.state = "stopped"
            raise
        finally:
            del self._tasks[run.app]
            self._tell(run)
            said = f": {run.error['summary']}" if run.error else ""
            self._session.view.note(f"{run.action} of {run.app.name} in namespace {run.app.namespace}: {run.state}{said}")

    def _tell(self, run: Run) -> None:
        for hear in tuple(self.told):
            hear(run)

    async def close(self) -> None:
        """Stops what runs in good order: nothing stays locked, what is done stays done."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
