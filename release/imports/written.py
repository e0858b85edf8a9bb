"""A draft as the text of a release file, with all that was not taken over in its comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..dump import flow_text, manifests_text, scalar_text
from ..file import named
from ..yamlfile import Path
from .draft import Draft, Foreign

_WIDTH = 124
_OPENING = """\
# What `deploy` releases, and how: `deploy plan` shows what would happen, `deploy schema` names every key.
# `deploy apply` goes to the first pause; `deploy promote --auto` goes on through the others.
"""


def release_text(draft: Draft, app: str, manifests: Sequence[str], workload: str, exclude: Sequence[str], image: str) -> str:
    """The text of a deploy.yaml. `manifests` are its entries as they are written; `exclude` is what of them stays out."""
    told = "".join(_told(draft.used))
    lines = [f"# Taken over from {_sources(draft.used)}{'; what was not, and why, is told below' if told else ''}."]
    lines += [f"# {comment(said)}" for said in draft.said]
    lines.append(f"app: {scalar_text(app)}")
    lines.append(
        f"namespace: {scalar_text(draft.namespace)}" if draft.namespace else "# namespace: shop   # default: the context's"
    )
    if manifests:
        lines.append(f"manifests: [{', '.join(manifests)}]")
    else:
        lines.append("# manifests: [k8s/]   # none of these files holds pods: name here what does")
    if exclude:
        names = ", ".join(scalar_text(name) for name in exclude)
        lines.append(f"exclude: [{names}]   # no part of the release: rollway stands in their place")
    if workload:
        lines.append(f"workload: {scalar_text(workload)}")
    if image:
        lines.append(f"# image: {scalar_text(image)}   # default: the manifests'; a pipeline says --image")
    body: dict[str, Any] = {"strategy": draft.strategy}
    if draft.strategy == "canary":
        body["router"] = draft.router or "replicas"  # `auto` would take up routes that were written for the other tool's Services
    if blocks := {key: block for key, block in draft.blocks.items() if block}:
        body["strategies"] = blocks
    if draft.gates:
        body["gates"] = draft.gates
    return _OPENING + "\n".join(lines) + "\n\n" + manifests_text([body]) + told


def _sources(documents: Iterable[Foreign]) -> str:
    by_file: dict[str, list[str]] = {}
    for doc in documents:
        by_file.setdefault(doc.file, []).append(str(doc))
    return comment("; ".join(f"{', '.join(names)} ({file})" for file, names in by_file.items()))


def _told(documents: Iterable[Foreign]) -> Iterator[str]:
    for doc in documents:
        if remarks := doc.ledger.kept_remarks():
            yield f"\n# {comment(str(doc))}, taken over in another way:\n"
            for path, text in remarks.items():
                yield from _entry(f"{named(path)}: {text}", "#   ")
        left = doc.ledger.left()
        if left:
            yield f"\n# {comment(str(doc))}, not taken over:\n"
            for reason, paths in _by_reason(left).items():
                yield from _entry(f"{reason}", "# - ")
                for path in paths:
                    yield from _entry(f"{named(path)}: {_shown(doc.ledger.data, path)}", "#     ")


def _by_reason(left: dict[Path, str]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path, reason in left.items():
        found.setdefault(reason, []).append(path)
    return found


def _shown(data: Any, path: Path) -> str:
    """All of the value, in one line."""
    for key in path:
        data = data[key]
    return flow_text(data)


def _entry(text: str, lead: str) -> Iterator[str]:
    """A comment of as many lines as it takes."""
    indent = "#" + " " * (len(lead) + 1)
    wrapped = textwrap.wrap(
        comment(text), _WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    yield from (f"{line}\n" for line in wrapped)


def comment(text: str) -> str:
    """What a comment may hold: text of one line, in which nothing ends the comment, turns the words around, or
    speaks to rollway as its own comments do."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return text.replace("rollway:", "rollway\\x3a")
