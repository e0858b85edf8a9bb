"""What would be done with an application, and doing it: the very plan that somebody has read, or nothing."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, get_args

from ...cluster.port import Cluster
from ...errors import BadInput, Refused
from ...notify import notifier_of
from ...plan.plan import Action
from ...ship import known
from ...ship import run as shipping
from ...ship.run import Options
from ...ship.saved import SavedPlan, bind, run_saved
from ...strategies.base import Request
from ..views.json import plan_document, result_document
from ..views.paint import Paint
from ..views.plan_text import plan_lines

MOST_KEPT = 20
"""Plans that wait to be agreed to; the oldest goes."""
ACTIONS: Sequence[str] = [action for action in get_args(Action) if action != "apply"]

Document = dict[str, Any]


class Acting:
    """`may_act`: only then a plan is kept to be carried out."""

    def __init__(self, cluster: Cluster, where: str, *, may_act: bool) -> None:
        self._cluster, self._where, self.may_act = cluster, where, may_act
        self._kept: OrderedDict[str, SavedPlan] = OrderedDict()

    async def plan(self, app: str, namespace: str, action: str) -> Document:
        """What that would do now, with a `mark` by which to agree to it; without one where nothing may be done, or is to be.
        Raises RollwayError."""
        request, release = _request(action), await known.released(self._cluster, app, namespace)
        made = await shipping.plan(self._cluster, release, request)
        lines = plan_lines(made, where=self._where, width=None, paint=Paint(is_on=False), diff=False, verbose=False)
        found = plan_document(made) | {"lines": list(lines), "isEmpty": made.is_empty, "mark": ""}
        if self.may_act and not made.is_empty:
            saved = await bind(self._cluster, release, request, made, strategy=None, is_override=False, force=False)
            found["mark"] = mark = secrets.token_urlsafe(12)
            self._kept[mark] = saved
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    async def run(self, app: str, namespace: str, mark: str) -> Document:
        """Carries out the plan of that mark, once. Raises Refused where it is none of that application, StalePlan where it is not
        what would be planned now, and whatever else a run raises."""
        saved = self._kept.pop(mark, None)
        if not self.may_act:
            raise Refused("this dashboard only shows", hint="start it with --allow-actions")
        if saved is None or (saved.app, saved.namespace) != (app, namespace):
            raise Refused("that plan is not known here any more", hint="look at it anew")
        release = await known.released(self._cluster, app, namespace, must_hold=saved.action == "promote")
        return result_document(await run_saved(self._cluster, release, saved, options=Options(notifier_of=notifier_of)))


def _request(action: str) -> Request:
    if action not in ACTIONS:
        raise BadInput(f"{action[:20]!r} is nothing that is done here", hint=f"one of {', '.join(ACTIONS)}")
    return Request(action)  # type: ignore[arg-type]
