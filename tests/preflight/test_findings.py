"""What findings say, and what their fixes make and leave alone."""

from __future__ import annotations

import pytest
import yaml
from checked import Written, findings, found
from rollway import preflight
from rollway.kube.objects import get
from rollway.preflight.model import Edit
from rollway.preflight.patch import snippet_text
from spoils import NGINX, adds, old_ingress, sets


def test_the_sentences() -> None:
    """Seen against wanted, in the words of the manifests."""
    [nothing] = found("RW015", sets("service.spec.selector", {"app": "shop-server"}))
    [gone] = found("RW022", old_ingress)

    assert nothing.message == (
        "Service shop selects no pods: its selector is app=shop-server, the pods of Deployment shop are app=shop"
    )
    assert nothing.patch == "spec:\n  selector:\n    app: shop"
    assert (
        gone.message
        == "Ingress i: extensions/v1beta1 is no longer served by Kubernetes since 1.22; it is networking.k8s.io/v1 now"
    )
    assert yaml.safe_load(gone.patch)["spec"]["rules"][0]["http"]["paths"][0] == {
        "backend": {"service": {"name": "shop", "port": {"number": 80}}},
        "pathType": "ImplementationSpecific",
    }


def test_fixes_of_a_part_and_of_a_part_of_it_are_shown_where_both_are_to_be_seen() -> None:
    """In whichever order they come."""
    obj = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 0}}}}
    inner = Edit(None, ("spec", "strategy", "rollingUpdate", "maxSurge"), 1)
    outer = Edit(None, ("spec", "strategy", "rollingUpdate"), {"maxSurge": 1})

    for edits in ((inner, outer), (outer, inner)):
        assert snippet_text(obj, edits) == (("spec", "strategy"), "rollingUpdate:\n  maxSurge: 1")


def test_an_old_ingress_becomes_a_new_one() -> None:
    """Its default backend, too, and by its name the port that has one."""
    written = Written()
    old_ingress(written)
    release = written.release()

    [ingress] = preflight.fixed(release, *preflight.findings(release)).others

    assert ingress["apiVersion"] == "networking.k8s.io/v1"
    assert get(ingress, "spec", "defaultBackend") == {"service": {"name": "shop", "port": {"name": "http"}}}
    assert "backend" not in ingress["spec"]


def test_what_a_secret_holds_is_not_quoted() -> None:
    """A value of another type is told by its place alone."""
    secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {PIN: 4711}}"

    [told] = found("RW034", adds(secret))

    assert told.message == "Secret s: stringData.PIN is a number; it takes a text"


def test_another_ones_service_is_never_edited() -> None:
    """Whatever its ports and its selector are: whoever asks for the database is not to be sent to the shop."""

    def database(app: Written) -> None:
        app.add("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 5432}]}}")

    def worker(app: Written) -> None:
        app.without("Service")
        database(app)

    for spoil in (database, worker):
        assert [each.object for each in findings(spoil) if each.fix or each.severity == "error"] == []


@pytest.mark.parametrize(
    ("annotations", "left"),
    [
        ("proxy-body-size: 8m", "proxy-body-size"),
        ("auth-url: http://a, canary-weight: '5', limit-rps: '5', rewrite-target: /", "auth-url, limit-rps"),
        ("rewrite-target: /, enable-cors: 'true'", ""),
    ],
)
def test_what_of_an_ingress_has_no_counterpart(annotations: str, left: str) -> None:
    own = ", ".join(f"nginx.ingress.kubernetes.io/{each}" for each in annotations.split(", "))
    text = NGINX.replace("nginx.ingress.kubernetes.io/proxy-body-size: 8m", own)
    (one,) = found("RW051", adds(text))
    assert one.hint.partition("it has no counterpart of ")[2].partition(":")[0] == left
