"""Many releases at a time: finding their files, reading them all before anything is done, and what is released after what.

Every mistake in every file is told of at once, as one BadInput.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ..errors import BadInput
from ..kube.objects import Ref, ref_of
from .file import nearest
from .load import load
from .model import Release
from .reading import read_text
from .yamlfile import documents

MAX_RELEASES = 1000
Item = TypeVar("Item")
Made = TypeVar("Made")


class App(NamedTuple):
    """Which application. `namespace` is empty where it is the context's, not known yet. Reads as `shop/web`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Written(NamedTuple):
    """A release and the file it is written in."""

    file: str
    release: Release

    @property
    def app(self) -> App:
        return App(self.release.namespace, self.release.app)


After = Mapping[App, tuple[App, ...]]
"""Each application, in the order of the files, with those that have to be live before it."""


def load_all(paths: Sequence[str], *, sets: Sequence[str] = (), namespace: str | None = None) -> list[Written]:
    """The releases of all files that the paths name; of a folder, those of every `deploy.yaml` and `*.deploy.yaml` below it.

    Raises BadInput with every mistake of every file.
    """
    files = _found(paths)
    return _each(files, lambda file: Written(file, load(file, sets=sets, namespace=namespace)))


def placed(written: Sequence[Written], namespace: str) -> list[Written]:
    """The same, those without a namespace in this one. Raises BadInput."""
    return _each(written, lambda one: Written(one.file, one.release.with_namespace(one.release.namespace or namespace)))


def linked(written: Sequence[Written]) -> After:
    """What is released after what. Raises BadInput for names that are not there, circles, and whatever two releases both are."""
    _raise([*_doubles(written)])
    by_name: dict[str, list[App]] = {}
    for one in written:
        by_name.setdefault(one.app.name, []).append(one.app)
    mistakes: list[BadInput] = []
    after: dict[App, tuple[App, ...]] = {}
    for one in written:
        links: list[App] = []
        for name in one.release.depends_on:
            try:
                links.append(_meant(name, one, by_name))
            except BadInput as bad:
                mistakes.append(bad)
        after[one.app] = tuple(dict.fromkeys(links))
    files = {one.app: one.file for one in written}
    _raise([*mistakes, *(_circular(circle, files) for circle in circles(after))])
    return after


def circles(after: After) -> Iterator[list[App]]:
    """Applications of which each depends on the next, and the last on the first; from every tangle of them at least one."""
    tangled = set(after) - set(in_order(after))
    seen: set[App] = set()
    for start in after:
        path: dict[App, None] = {}
        app = start
        while app in tangled and app not in seen:
            seen.add(app)
            path[app] = None
            # what is tangled depends on something that is
            app = next(other for other in after[app] if other in tangled)
        if app in path:
            walked = list(path)
            yield walked[walked.index(app) :]


def reversed_links(after: After) -> After:
    """What depends on what, the other way round: for what goes back before that on which it stands."""
    return {app: tuple(other for other, links in after.items() if app in links) for app in after}


def in_order(after: After) -> list[App]:
    """Each after all it depends on, else in the order given. Without those in a circle, and those behind one."""
    open_links = {app: len(links) for app, links in after.items()}
    behind: dict[App, list[App]] = {}
    for app, links in after.items():
        for link in links:
            behind.setdefault(link, []).append(app)
    ordered = [app for app, count in open_links.items() if not count]
    for app in ordered:  # grows on the way
        for follower in behind.get(app, ()):
            open_links[follower] -= 1
            if not open_links[follower]:
                ordered.append(follower)
    return ordered


# finding the files


def _found(paths: Sequence[str]) -> list[str]:
    """Each file once, in order, whatever names it."""
    mistakes: list[BadInput] = []
    found: dict[str, str] = {}
    for path in paths:
        below = sorted(_below(path)) if os.path.isdir(path) else [path]
        for file in below:
            found.setdefault(os.path.realpath(file), file)
        if not below:
            hint = "write one for each application with `deploy init`, as NAME/deploy.yaml or NAME.deploy.yaml"
            mistakes.append(BadInput("no release file in this folder or below it", where=path, hint=hint))
    if len(found) > MAX_RELEASES:
        mistakes.append(BadInput(f"{len(found)} release files; at most {MAX_RELEASES} are released at a time"))
    _raise(mistakes)
    return list(found.values())


def _below(folder: str) -> Iterator[str]:
    """Hidden files and folders (.git) are left out."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(root, name)
            if (name == "deploy.yaml" or name.endswith(".deploy.yaml")) and name[0] != "." and not _is_manifest(path):
                yield path


def _is_manifest(path: str) -> bool:
    """Whether it is a Kubernetes object: `deploy.yaml` is what many call the file of a Deployment. Broken files are none."""
    try:
        first = next((document.data for document in documents(read_text(path, path), path) if document.data is not None), None)
    except BadInput:
        return False
    return isinstance(first, dict) and "apiVersion" in first and "kind" in first


# mistakes


def _each(items: Iterable[Item], make: Callable[[Item], Made]) -> list[Made]:
    """All of them made, or all of their mistakes raised."""
    made: list[Made] = []
    mistakes: list[BadInput] = []
    for item in items:
        try:
            made.append(make(item))
        except BadInput as bad:
            mistakes.append(bad)
    _raise(mistakes)
    return made


def _raise(mistakes: Sequence[BadInput]) -> None:
    """Nothing, the one mistake, or all of them as one."""
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        detail = "\n".join(line for bad in mistakes for line in _lines(bad))
        raise BadInput(f"{len(mistakes)} of the releases are wrong, and none was started", detail=detail)


def _lines(bad: BadInput) -> Iterator[str]:
    yield bad.summary
    yield from (f"  {line}" for line in bad.detail.splitlines())
    if bad.hint:
        yield f"  try: {bad.hint}"


def _doubles(written: Sequence[Written]) -> Iterator[BadInput]:
    apps: dict[App, Written] = {}
    workloads: dict[tuple[str, Ref], Written] = {}
    for one in written:
        if (first := apps.setdefault(one.app, one)) is not one:
            yield BadInput(
                f"{one.app} is released by {first.file}, too", where=one.file, hint="give one of them another app: name"
            )
            continue
        ref = ref_of(one.release.workload)
        other = workloads.setdefault((one.release.namespace, ref), one)
        if other is not one:
            yield BadInput(f"{ref} is released as {other.app} by {other.file}, too", where=one.file, hint="leave one of them out")


def _meant(name: str, one: Written, by_name: Mapping[str, Sequence[App]]) -> App:
    """The application that `app` or `namespace/app` names: of the same namespace, else the only one of that name."""
    namespace, _, app = name.rpartition("/")
    known = by_name.get(app, ())
    found = [other for other in known if other.namespace == (namespace or one.app.namespace)]
    if not found and not namespace:
        found = list(known)
    if len(found) == 1:
        return found[0]
    if not found:
        hint = nearest(name, by_name) or "dependsOn names applications that are released in the same run"
        raise BadInput(f"dependsOn: there is no {name} among the releases", where=one.file, hint=hint)
    listed = ", ".join(str(other) for other in found)
    raise BadInput(f"dependsOn: {name} may be any of {listed}", where=one.file, hint=f"write {found[0]}")


def _circular(circle: Sequence[App], files: Mapping[App, str]) -> BadInput:
    if len(circle) == 1:
        return BadInput(f"dependsOn: {circle[0].name} depends on itself", where=files[circle[0]])
    way = " → ".join(app.name for app in (*circle, circle[0]))
    return BadInput(f"dependsOn: a circle, {way}", where=files[circle[0]], hint="take one of these links out")
