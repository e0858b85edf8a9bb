"""What a Secret holds is shown nowhere, whatever it stands in."""

from __future__ import annotations

import base64
import json

import pytest
from rollway.kube.secrecy import MASK, masked, masked_text, redacted
from rollway.plan.diff import changes

VALUE = 'hunter2 "quoted"'
ENCODED = base64.b64encode(VALUE.encode()).decode()
COPIES = (
    "kubectl.kubernetes.io/last-applied-configuration", "kapp.k14s.io/original", "objectset.rio.cattle.io/applied",
    "example.com/copy",
)  # fmt: skip


def secret(data: str = ENCODED, **annotations: str) -> dict[str, object]:
    meta = {"name": "s", "namespace": "shop", "annotations": {"team": "payments", **annotations}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"password": data}, "stringData": {"more": VALUE}}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_in_an_annotation_is_masked_too(copy: str) -> None:
    """Whoever keeps one there; what is short and no object is shown."""
    whole = secret(**{copy: json.dumps({"data": {"password": ENCODED}, "pad": "x" * 50})})
    text = json.dumps(masked(whole))

    assert ENCODED not in text
    assert json.dumps(VALUE) not in text
    assert masked(whole)["metadata"]["annotations"] == {"team": "payments", copy: MASK}


def test_a_diff_shows_that_it_changes_and_not_to_what() -> None:
    """Of new Secrets, changed ones, and of copies that come or go."""
    copy = {COPIES[0]: json.dumps({"stringData": {"P": VALUE}})}
    for before, after in ((None, secret(**copy)), (secret(), secret("b3RoZXI=", **copy)), (secret(**copy), secret())):
        found = json.dumps(changes(before, after), ensure_ascii=False)

        assert MASK in found
        assert ENCODED not in found
        assert "hunter2" not in found


def test_what_a_server_says_of_a_secret_quotes_nothing_of_it() -> None:
    """Neither as it is written, nor as it is encoded, nor as JSON would quote it."""
    said = f"Secret s is invalid: data.password: {ENCODED}; more: {VALUE}; {json.dumps(VALUE)}"

    assert redacted(said, secret()) == f'Secret s is invalid: data.password: {MASK}; more: {MASK}; "{MASK}"'
    assert redacted(said, {**secret(), "kind": "ConfigMap"}) == said


def test_other_kinds_of_that_name_are_no_secrets() -> None:
    """A custom resource called Secret is shown as any is."""
    custom = {**secret(), "apiVersion": "example.com/v1"}

    assert masked(custom) == custom


def test_a_field_that_is_misspelt_holds_as_much() -> None:
    """Whatever stands beside what is known of a Secret is masked: in the object, in a diff, and in what a server says."""
    wrong = {**secret(), "strngData": {"password": VALUE}, "dta": "hunter2"}
    told = json.dumps(masked(wrong)) + json.dumps(changes(None, wrong), ensure_ascii=False)

    assert "hunter2" not in told
    assert '"strngData": {"password"' in json.dumps(masked(wrong))
    assert redacted("unknown field dta: hunter2", wrong) == f"unknown field dta: {MASK}"


def test_a_short_annotation_or_label_that_quotes_a_value_is_masked() -> None:
    """As it is written or encoded; others are shown."""
    quoting = {**secret(note=f"was {VALUE}", code=ENCODED), "data": {"password": ENCODED}}
    shown = masked(quoting)["metadata"]["annotations"]

    assert shown == {"team": "payments", "note": MASK, "code": MASK}
    assert "hunter2" not in json.dumps(changes(None, quoting), ensure_ascii=False)


FILE = """# notes stay
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
data: {level: debug}
---
apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations:
    copy: '{"stringData": {"P": "hunter2"}}'
stringData:
  P: hunter2
  long: |
    hunter2
    hunter2
---
{apiVersion: v1, kind: Secret, metadata: {name: t}, data: {P: aHVudGVyMg==}}
"""


def test_a_file_is_shown_without_what_its_secrets_hold() -> None:
    """Its other documents as they are."""
    shown = masked_text(FILE)

    assert "hunter2" not in shown
    assert "aHVudGVyMg" not in shown
    assert shown.startswith(FILE[: FILE.index("metadata:\n")])
    assert f"  P: {MASK}\n" in shown
