"""A new pod on its way in, as the plugins see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from ....errors import ApiError
from ....kube.objects import POD, Obj
from ...store.refusals import forbidden
from ...store.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """`pod` has its defaults, and a spec of its own that plugins may write into. `presumes`: in a rehearsal, what nobody said of
    the cluster is as the pods need it. What the server warns of is added to `warnings`."""

    store: Store
    pod: Obj
    random: Random
    presumes: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def spec(self) -> Obj:
        found: Obj = self.pod["spec"]
        return found

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    def containers(self) -> list[Obj]:
        """All of them, those that start before the others first."""
        return [*(self.spec.get("initContainers") or ()), *(self.spec.get("containers") or ())]

    def forbidden(self, why: str) -> ApiError:
        """The refusal (403), for the plugin to raise."""
        return forbidden(POD, self.pod["metadata"]["name"], why)
