"""Which gates keep a release in its pause: pure, for who holds it and for who looks on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..gates.figures import Phase
from ..plan.evidence import Evidence
from ..release.gates import Gate


def lets_go(gate: Gate, evidence: Evidence | None, *, is_old: bool = False) -> bool:
    """Whether nothing of this gate speaks against going on. What cannot be asked now may have become bad since it could, and so
    may what was measured long ago, which `is_old` says.
    """
    if gate.on_fail == "report" or (evidence and evidence.phase == Phase.PASSED):
        return True
    if evidence and (evidence.phase == Phase.FAILED or evidence.phase in gate.halts_on):
        return False
    if evidence is None or not evidence.measured or evidence.is_away:
        return gate.no_data == "pass"
    return not gate.ends and not is_old  # one without an end of its own only speaks up


def held_by(gates: Sequence[Gate], found: Mapping[str, Evidence], weight: int, *, is_last: bool) -> list[str]:
    """In words: the gates that hold a pause at `weight` percent; `is_last`: after it all requests go to the new version."""
    holding = [each for each in gates if each.holds(weight, is_last=is_last) and not lets_go(each, found.get(each.name))]
    failed = {name for name, evidence in found.items() if evidence.phase == Phase.FAILED}
    return [f"gate {each.name}, which failed" if each.name in failed else f"gate {each.name}" for each in holding]
