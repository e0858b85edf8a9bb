"""The pods of a Deployment as a watch tells of them: which are of its newest template, and which of those are in trouble."""

from __future__ import annotations

from ..health.pods import Problem, hindrance_of, is_of_template, is_ready
from ..kube.objects import Obj, labels_of, matches
from .port import Event

HASH_LABEL = "pod-template-hash"


class Pods:
    """Each event is about one pod, and only that one is looked at: a rollout of thousands costs a look an event, not thousands.
    All are looked at again only when it changes what a new pod is: by another template, or once the newest one's hash is known.
    """

    def __init__(self) -> None:
        self._all: dict[str, Obj] = {}
        self._deployment: Obj | None = None
        self._newest_hash = ""
        self._leaving: set[str] = set()
        # Of the newest template:
        self._new: set[str] = set()
        self._coming: set[str] = set()
        self._hindered: dict[str, Problem] = {}
        self._lost: dict[str, Problem] = {}

    @property
    def all(self) -> list[Obj]:
        return list(self._all.values())

    @property
    def new(self) -> list[Obj]:
        return [pod for name, pod in self._all.items() if name in self._new]

    @property
    def goes_on(self) -> bool:
        """Whether some pod leaves, or a new one comes with nothing in its way."""
        return bool(self._leaving or self._coming)

    @property
    def hindrance(self) -> Problem | None:
        """What keeps a new pod's containers from running; of several, what has done so for longest."""
        return next(iter(self._hindered.values()), None)

    @property
    def final_problem(self) -> Problem | None:
        """Why a new pod never will be ready."""
        return next(iter(self._lost.values()), None)

    def belong_to(self, deployment: Obj | None) -> None:
        """The Deployment has been written, or is gone."""
        was, self._deployment = self._deployment, deployment
        if _choice(was) != _choice(deployment):
            self._newest_hash = ""  # it was another template's
            self._look_at_all()

    def are_new_with(self, template_hash: str) -> None:
        """Until the template changes, new pods are known by that hash; without one by what they run."""
        if template_hash != self._newest_hash:
            self._newest_hash = template_hash
            self._look_at_all()

    def take(self, event: Event) -> None:
        pod, name = event.obj, event.obj["metadata"]["name"]
        if event.type == "DELETED":
            self._all.pop(name, None)
            self._look_at(name, None, is_new=False)
            return
        was, self._all[name] = self._all.get(name), pod
        # which template it is of is in its labels and images, and most changes are of its status
        is_alike = was is not None and was["spec"] == pod["spec"] and labels_of(was) == labels_of(pod)
        self._look_at(name, pod, is_new=name in self._new if is_alike else self._is_new(pod))

    def _look_at_all(self) -> None:
        for name, pod in self._all.items():
            self._look_at(name, pod, is_new=self._is_new(pod))

    def _look_at(self, name: str, pod: Obj | None, *, is_new: bool) -> None:
        is_leaving = pod is not None and "deletionTimestamp" in pod["metadata"]
        is_waited_for = is_new and pod is not None and not is_ready(pod)
        problem = hindrance_of(pod) if is_waited_for and pod is not None else None
        _note(self._leaving, name, is_leaving)
        _note(self._new, name, is_new)
        _note(self._coming, name, is_waited_for and problem is None)
        _keep(self._hindered, name, problem)
        _keep(self._lost, name, problem if problem and problem.is_final and not is_leaving else None)

    def _is_new(self, pod: Obj) -> bool:
        deployment = self._deployment
        if deployment is None or not matches(deployment["spec"]["selector"], labels_of(pod)):
            return False
        if self._newest_hash:
            return labels_of(pod).get(HASH_LABEL) == self._newest_hash
        return is_of_template(pod, deployment)


def _choice(deployment: Obj | None) -> tuple[Obj, Obj] | None:
    """What a Deployment says about which pods are new."""
    return (deployment["spec"]["selector"], deployment["spec"]["template"]) if deployment is not None else None


def _note(names: set[str], name: str, is_one: bool) -> None:
    if is_one:
        names.add(name)
    else:
        names.discard(name)


def _keep(problems: dict[str, Problem], name: str, problem: Problem | None) -> None:
    if problem is None:
        problems.pop(name, None)
    else:
        problems[name] = problem
