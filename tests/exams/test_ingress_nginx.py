"""ingress-nginx's canary annotations, by its own tests: where a request goes, and which sets are an error."""

from __future__ import annotations

from typing import Any

import pytest
from exams import each_row, exam
from rollway.kube.objects import Obj
from rollway.sandbox.dataplane.nginx_canary import PREFIX, Wrong, canary_of, decide

EXAM = exam("ingress-nginx-canary")


def ingress(**annotations: Any) -> Obj:
    named = {f"{PREFIX}{key.replace('_', '-')}": str(value) for key, value in annotations.items()}
    return {"metadata": {"name": "canary", "namespace": "shop", "annotations": named}, "spec": {"ingressClassName": "nginx"}}


@each_row(EXAM.get("routing", []))
def test_where_a_request_goes(row: dict[str, Any]) -> None:
    canary = canary_of(ingress(canary="true", **row["canary"]))
    assert canary is not None
    seen = decide(canary, row["request"].get("headers") or {}, row["request"].get("cookies") or {})
    wanted = row["to"]
    if isinstance(wanted, dict):
        assert seen == wanted["canary"]
    else:
        assert seen == (1 if wanted == "canary" else 0)


@each_row(EXAM.get("annotations", []))
def test_which_annotations_are_an_error(row: dict[str, Any]) -> None:
    given = ingress(
        canary=str(row["canary"]).lower(), canary_weight=row["weight"], canary_by_header=row["header"],
        canary_by_cookie=row["cookie"],
    )  # fmt: skip
    if row["isError"]:
        with pytest.raises(Wrong):
            canary_of(given)
    else:
        assert (canary_of(given) is not None) == row["canary"]
