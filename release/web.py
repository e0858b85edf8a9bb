"""`web:` of the release file: a plain web application, whose manifests come from our template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, field_validator, model_validator

from ..kube.objects import DEPLOYMENT
from .image import checked
from .names import wrong_subdomain
from .strict import Seconds, Strict
from .wrong import Wrong
from .yamlfile import Document, Path

_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def as_text(value: Any) -> str:
    """A scalar as a text: `true`, `8080` and `1.5` are written as YAML writes them. Raises Wrong."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str | int | float):
        return "" if value is None else str(value)
    raise Wrong(f"{value!r} is no text")


def _variable(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"valueFrom"} and isinstance(value["valueFrom"], dict):
            return value
        raise Wrong("a variable is a text, or {valueFrom: {…}}")
    return as_text(value)


Text = Annotated[str, BeforeValidator(as_text)]
Variable = Annotated[str | dict[str, Any], BeforeValidator(_variable)]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]


class Probe(Strict):
    """An HTTP probe."""

    path: str = Field("/", pattern="^/", description="The path that is asked for.")
    port: Port | None = Field(None, description="Default: the application's port.")
    initial_delay_seconds: Seconds = Field(0, description="Before the first question.")
    period_seconds: Annotated[Seconds, Field(ge=1)] = Field(5, description="Between two questions.")
    timeout_seconds: Annotated[Seconds, Field(ge=1)] = Field(1, description="Until an answer counts as none.")
    failure_threshold: Annotated[StrictInt, Field(ge=1)] = Field(3, description="Failures in a row that make it fail.")


class WebApp(Strict):
    """A Deployment and a Service; an Ingress where there is a host; a PodDisruptionBudget where there are several pods."""

    image: str | None = Field(None, description="The image; `image` at the top of the file and --image replace it.")
    port: Port = Field(8080, description="The port that the container listens on.")
    replicas: Annotated[StrictInt, Field(ge=0)] = Field(2, description="Pods.")
    readiness: Probe | StrictBool = Field(Probe(), description="When a pod gets requests; false leaves the probe out.")
    liveness: Probe | None = Field(None, description="When a container is restarted.")
    startup: Probe | None = Field(None, description="Holds the other probes back until the application has started.")
    pre_stop_seconds: Seconds = Field(5, description="Goes on serving for so long while the pod leaves the load balancer.")
    grace_period_seconds: Seconds = Field(30, description="From the order to stop until the container is killed.")
    resources: dict[str, Any] = Field({}, description="Requests and limits, as in a container.")
    env: dict[str, Variable] = Field({}, description="Environment variables: texts, or {valueFrom: {…}}.")
    host: str | None = Field(None, description="Host name of an Ingress.")
    labels: dict[str, Text] = Field({}, description="Labels of all objects and pods.")
    annotations: dict[str, Text] = Field({}, description="Annotations of the Deployment.")
    pod_annotations: dict[str, Text] = Field({}, description="Annotations of the pods.")
    command: tuple[Text, ...] = Field((), description="Replaces the image's entry point.")
    args: tuple[Text, ...] = Field((), description="Arguments of the command.")

    @field_validator("image")
    @classmethod
    def _is_image(cls, image: str | None) -> str | None:
        return image if image is None else checked(image)

    @field_validator("env")
    @classmethod
    def _are_variables(cls, env: dict[str, Any]) -> dict[str, Any]:
        for name, value in env.items():
            if not _VARIABLE.fullmatch(name):
                raise Wrong(f"{name!r} is no variable's name", at=(name,))
            if isinstance(value, str) and "\0" in value:
                raise Wrong("a variable cannot hold a NUL character", at=(name,))
        return env

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str | None) -> str | None:
        if host is not None and (wrong := wrong_subdomain(host.removeprefix("*."))):
            raise Wrong(f"{host!r} is no host name: {wrong}")
        return host

    @field_validator("labels")
    @classmethod
    def _are_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        for name, value in labels.items():
            _check_key(name)
            if name in _OURS:
                raise Wrong(f"the label {name} is set by the template", at=(name,))
            if not _LABEL_VALUE.fullmatch(value):
                raise Wrong(f"{value!r} is no label's value", at=(name,), hint="at most 63 letters, digits, and inner - _ .")
        return labels

    @field_validator("annotations", "pod_annotations")
    @classmethod
    def _are_annotations(cls, annotations: dict[str, str]) -> dict[str, str]:
        for name in annotations:
            _check_key(name)
        return annotations

    @model_validator(mode="after")
    def _has_time_to_stop(self) -> WebApp:
        if self.pre_stop_seconds >= self.grace_period_seconds:
            raise Wrong(
                f"preStopSeconds ({self.pre_stop_seconds}) leaves the application no time within gracePeriodSeconds "
                f"({self.grace_period_seconds})",
                at=("preStopSeconds",),
            )
        return self

    def spec(self, name: str) -> dict[str, Any]:
        """Plain data for the template: camelCase keys, what is unset left out."""
        readiness = Probe() if self.readiness is True else self.readiness or None
        data = self.model_dump(mode="json", by_alias=True, exclude={"readiness"}, exclude_none=True)
        if readiness:
            data["readiness"] = readiness.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {**data, "name": name}


_CONTAINER = ("spec", "template", "spec", "containers", 0)
WRITTEN_AS: Mapping[Path, Path] = {
    ("spec", "replicas"): ("replicas",),
    ("spec", "template", "spec", "terminationGracePeriodSeconds"): ("gracePeriodSeconds",),
    (*_CONTAINER, "image"): ("image",),
    (*_CONTAINER, "readinessProbe"): ("readiness",),
    (*_CONTAINER, "livenessProbe"): ("liveness",),
    (*_CONTAINER, "startupProbe"): ("startup",),
    (*_CONTAINER, "lifecycle"): ("preStopSeconds",),
}
"""Which key of `web:` a part of the rendered Deployment comes from."""


def rendered(document: Document, kind: str) -> Document:
    """Where an object that the template renders is written: in the `web:` block, at the key that makes a part of it."""
    marks: dict[Path, tuple[int, int]] = {(): document.marks.get(("web",), (1, 1))}
    for path, key in WRITTEN_AS.items() if kind == DEPLOYMENT.name else ():
        if mark := document.marks.get(("web", *key)):
            marks[path] = mark
    return Document(None, document.source, marks, notes=document.notes)


_OURS = ("app.kubernetes.io/name",)


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if (slash and wrong_subdomain(prefix)) or not _LABEL_NAME.fullmatch(name):
        raise Wrong(f"{key!r} is no name of a label or an annotation", at=(key,))
