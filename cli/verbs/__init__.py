"""The verbs of `deploy`, a file each: this is the one list of them, in the order in which one needs them."""

from __future__ import annotations

from ..verb import Verb
from .apply import apply
from .check import check
from .compare import compare
from .dashboard import dashboard
from .demo import demo
from .gates import gates
from .history import history
from .init import init
from .list import list_
from .notify import notify
from .plan import plan
from .probe import probe
from .promote import promote
from .rbac import rbac
from .render import render
from .rollback import rollback
from .schema import schema
from .status import status
from .version import version
from .wait import wait
from .watch import watch

VERBS: tuple[Verb, ...] = (
    demo, init, check, render, rbac, plan, apply, promote, rollback, list_, status, watch, dashboard, history, wait, gates,
    notify, probe, compare, schema, version,
)  # fmt: skip
