"""What a real Prometheus answered, read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from exams import each_row, exam
from rollway.gates.prometheus import Unreadable, read

CASES = exam("prometheus-answers").get("cases", [])


@each_row(CASES)
def test_an_answer(row: dict[str, Any]) -> None:
    body = json.dumps(row["body"]).encode()
    if row["read"] is None:
        with pytest.raises(Unreadable) as refused:
            read(row["status"], body)
        assert refused.value.is_query
        return
    answer = read(row["status"], body)
    assert {"type": answer.type, "values": [sample.value for sample in answer.samples]} == row["read"]
