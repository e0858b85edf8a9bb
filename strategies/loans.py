"""What a plan takes of other managers' fields on its way, and gives back at its end (plan.lending)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..kube.objects import Obj, Ref, is_a, known_as, ref_of
from ..plan import lending
from ..plan.revision import Revision
from ..plan.steps import GiveBack, Loan
from ..routing.routers import ROUTERS


class Loans:
    """`found` are the objects as they are before the plan."""

    def __init__(self, found: Mapping[Ref, Obj | None]) -> None:
        self._found = {known_as(ref): obj for ref, obj in found.items() if obj}
        self._taken: dict[object, Loan] = {}
        self._written: set[Ref] = set()

    @property
    def taken(self) -> tuple[Loan, ...]:
        return tuple(self._taken.values())

    def note(self, live: Obj, after: Obj) -> None:
        """That a step makes `after` of `live`."""
        ref = known_as(ref_of(live))
        self._written.add(ref)
        if ref in self._found:
            # what routes is there for the users' own hands: but for its split, a release has no business with it
            entirely = any(is_a(live, kind) for router in ROUTERS for kind in router.kinds)
            for loan in lending.taken(self._found[ref], live, after, entirely=entirely):
                self._taken.setdefault(loan.key, loan)

    def given_back(self, objects: Mapping[Ref, Obj | None], revisions: Iterable[Revision]) -> Iterator[GiveBack]:
        """The steps by which what the plan and these revisions have taken goes back, where it is as it was found. `objects` are
        those at the end."""
        *earlier, last = [revision.loans for revision in revisions] or [()]
        known = {loan.key for loan in last}  # within one release the first time counts
        fresh = [loan for loan in self.taken if loan.key not in known]
        # who has taken a field again since an earlier release gets back what it was by then
        loans = {loan.key: loan for taken in (*earlier, last, fresh) for loan in taken}
        for ref in dict.fromkeys(loan.ref for loan in loans.values()):
            obj = objects.get(known_as(ref))
            due = tuple(loan for loan in loans.values() if obj and loan.ref == ref and lending.is_as_found(obj, loan))
            is_open = known_as(ref) in self._written or (obj and lending.given_back(obj, due) is not None)
            if due and is_open:
                yield GiveBack(ref=ref, loans=due, why="as it was found: theirs to change again")
