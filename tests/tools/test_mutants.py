"""Small faults: what is made of a line, what is left alone, and that a module has just the one."""

from __future__ import annotations

import ast

import pytest
from rollway.tools.mutants import mutants, mutated


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("x = a < b", {"a <= b"}),
        ("x = a == b", {"a != b"}),
        ("x = a and b", {"a", "b"}),
        ("x = a or b or c", {"b or c", "a or c", "a or b"}),
        ("x = not a", {"a"}),
        ("x = a if b else c", {"a", "c"}),
        ("x = 3", {"4"}),
        ("x = True", {"False"}),
        ("x = 'Ready'", {"'ReadyX'"}),
        ("x = f(a, b)", set()),
        ("f(a)", {"pass"}),
        ("raise E", {"pass"}),
        ("x = (a, b)", {"(b,)", "(a,)"}),
        ("x = [a for a in b if a]", {"[a for a in b]"}),
        ("x = min(a, b)", {"max(a, b)"}),
        ("x = a - b", {"a + b"}),
    ],
)
def test_what_is_made_of_a_line(line: str, wanted: set[str]) -> None:
    assert {fault.after for fault in mutants(line)} == wanted


@pytest.mark.parametrize(
    "source",
    [
        "'''For people.'''",
        "x = 'a text for people'",
        "x = f'{a} {1}'",
        "def f(a: tuple[int, str]) -> Literal['a', 'b']: ...",
        "a, b = c",
    ],
)
def test_types_and_what_is_for_people_is_left_alone(source: str) -> None:
    assert mutants(source) == []


SOURCE = '''
class Pods:
    """All of them."""

    async def ready(self, least):
        for pod in self.pods:
            if pod.ready and pod.age >= least:
                await self.take(pod)
        return len(self.taken) > 0
'''


def test_a_module_has_the_one_fault_and_nothing_else() -> None:
    """Each differs from what it is made of in its own place, and lines stay where they were."""
    plain = ast.unparse(ast.parse(SOURCE))
    made = [(fault, ast.unparse(mutated(SOURCE, fault))) for fault in mutants(SOURCE)]
    assert len({text for _, text in made}) == len(made) == 6
    for fault, text in made:
        assert fault.where == "Pods.ready"
        differ = [(old, new) for old, new in zip(plain.splitlines(), text.splitlines(), strict=True) if old != new]
        assert len(differ) == 1
        assert fault.before in differ[0][0]
        assert fault.after in differ[0][1]
