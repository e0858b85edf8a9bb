"""What has changed of a slice's endpoints is found without comparing those that have not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rollway.compare.census import by_name, endpoints_changed, states_of
from rollway.kube.objects import Obj


def endpoint(name: str, *, ready: bool) -> Obj:
    return {"conditions": {"ready": ready}, "targetRef": {"name": name}}


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(NAMES, NAMES, st.data())
def test_what_has_changed_leads_from_one_to_the_other(before: list[str], after: list[str], data: st.DataObject) -> None:
    """Whoever stays is the same object, or another for the same pod."""
    known = {name: endpoint(name, ready=True) for name in before}
    kept = data.draw(st.sets(st.sampled_from("abcdefgh")))
    now = [known[name] if name in known and name in kept else endpoint(name, ready=False) for name in after]
    piece = {"endpoints": now}

    gone, fresh = endpoints_changed({"endpoints": list(known.values())}, piece, by_name)

    states = dict.fromkeys(before, "ready")
    for name in gone:
        del states[name]
    assert states | fresh == states_of(piece)
    assert not fresh.keys() & {name for name in after if name in known and name in kept}
