"""What Kubernetes publishes of its types, as `kube/published/` holds it: `python -m rollway.tools.published SOURCES`.

SOURCES is a folder with the sources of one release in `api/`, `apimachinery/`, `apiextensions-apiserver/` and `kube-aggregator/`
(git archive v0.36.2). Written are facts alone, in the notation of `kube.schema`: types.txt, the types of `kube.inert`'s kinds,
and numbers.txt, the numbers of fields in protobuf. A name that several groups have is the first group's in `_ROOMS`;
of the others they are `GROUP.Name`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rollway.kube.inert import INERT
from rollway.kube.schema import types

_API = "k8s.io/api"
_ROOMS = {
    "meta": "k8s.io/apimachinery/pkg/apis/meta/v1",
    **{each: f"{_API}/{each}/v1" for each in ("core", "apps")},
    "autoscaling": f"{_API}/autoscaling/v2",
    **{
        each: f"{_API}/{each}/v1"
        for each in (
            "batch", "rbac", "networking", "policy", "discovery", "coordination", "authentication", "authorization", "storage",
            "admissionregistration", "certificates", "scheduling", "node", "resource", "flowcontrol", "events",
        )
    },
    "apiextensions": "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1",
    "apiregistration": "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1",
    "autoscalingv1": f"{_API}/autoscaling/v1",
}  # fmt: skip
_KNOWN_AS = {
    "GroupedEvent": ("events", "Event"), "EventSeries": ("events", "EventSeries"),
    **{f"{name}V1": ("autoscalingv1", name) for name in (
        "HorizontalPodAutoscaler", "HorizontalPodAutoscalerSpec", "HorizontalPodAutoscalerStatus",
    )},
}  # fmt: skip
"""Types that `kube.schema` calls otherwise."""
REVIEWS = (
    "TokenRequest", "TokenReview", "SelfSubjectReview", "SubjectAccessReview", "LocalSubjectAccessReview",
    "SelfSubjectAccessReview", "SelfSubjectRulesReview", "Binding",
)  # fmt: skip
_SCALARS = {
    "string": "s", "int": "i", "int32": "i", "int64": "l", "uint32": "u", "bool": "b", "float64": "f", "[]byte": "y",
    "Time": "T", "MicroTime": "M", "Quantity": "Q", "IntOrString": "I", "RawExtension": "A", "JSON": "A", "FieldsV1": "A",
    "Duration": "s", "UID": "s",
}  # fmt: skip

_STRUCT = re.compile(r"((?:^//[^\n]*\n)*)^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^type (\w+) ((?:\[\]|map\[\w+\])?[\w.\[\]]+)$", re.MULTILINE)
_IMPORT = re.compile(r'^\s*(?:import )?(\w+)? ?"(k8s\.io/[^"]+)"', re.MULTILINE)
_FIELD = re.compile(r"^\t(?:(\w+)\s+)?([*\w.\[\]]+)\s+`([^`]*)`")


@dataclass
class _Field:
    go: str
    json: str
    type: str
    tags: str
    markers: list[str]


@dataclass
class _Type:
    room: str
    name: str
    is_atomic: bool
    fields: list[_Field] = field(default_factory=list)


class Sources:
    """All that was found, by room and name."""

    def __init__(self, root: Path) -> None:
        self.structs: dict[tuple[str, str], _Type] = {}
        self._named: dict[tuple[str, str], str] = {}
        self._imports: dict[str, dict[str, str]] = {}
        for room, package in _ROOMS.items():
            repository, _, path = package.removeprefix("k8s.io/").partition("/")
            for file in sorted((root / repository / path).glob("*types*.go")):
                self._read(room, re.sub(r"(?<=\n)//\n", "", file.read_text()))

    def _read(self, room: str, text: str) -> None:
        for alias, package in _IMPORT.findall(text):
            known = next((name for name, path in _ROOMS.items() if path == package), "")
            self._imports.setdefault(room, {})[alias or package.rpartition("/")[2]] = known
        for comments, name, body in _STRUCT.findall(text):
            made = self.structs[room, name] = _Type(room, name, "+structType=atomic" in comments)
            markers: list[str] = []
            for line in body.splitlines():
                if line.strip().startswith("//"):
                    markers.append(line.strip().removeprefix("//").strip())
                elif match := _FIELD.match(line):
                    tag = re.search(r'json:"([^"]*)"', match[3])
                    made.fields.append(_Field(match[1] or "", tag[1] if tag else "", match[2], match[3], markers))
                    markers = []
                else:
                    markers = [] if line.strip() else markers
        for name, type_ in _NAMED.findall(text):
            self._named[room, name] = type_

    def place(self, room: str, type_: str) -> tuple[str, str]:
        """Where a type that a room names is from: (room, name); an unknown package is no room."""
        alias, _, name = type_.rpartition(".")
        return (self._imports[room].get(alias, "") if alias else room), name

    def flat(self, type_: _Type, numbers: str = "") -> Iterator[tuple[_Field, str]]:
        """The fields as JSON shows them, each with its number; of one inside a message that JSON does not show: `2.1`."""
        for each in type_.fields:
            number = (re.search(r'protobuf:"\w+,(\d+)', each.tags) or ("", ""))[1]
            if "inline" in each.json or not each.json.partition(",")[0]:
                inner = self.structs.get(self.place(type_.room, each.type.lstrip("*")))
                if inner is not None and number:
                    yield from self.flat(inner, f"{numbers}{number}.")
            elif not each.json.startswith("-"):
                yield each, f"{numbers}{number}"

    def key(self, room: str, name: str) -> str:
        for known, place in _KNOWN_AS.items():
            if place == (room, name):
                return known
        first = next(each for each in _ROOMS if (each, name) in self.structs)
        return name if first == room else f"{room}.{name}"

    def notation(self, room: str, type_: str) -> str:
        """A type as `kube.schema` writes it."""
        if type_ in _SCALARS:
            return _SCALARS[type_]
        if type_.startswith("[]"):
            return f"[{self.notation(room, type_[2:])}]"
        if of_map := re.fullmatch(r"map\[[\w.]+\](.+)", type_):
            return f"{{{self.notation(room, of_map[1])}}}"
        there, name = self.place(room, type_.lstrip("*"))
        if (there, name) in self.structs and name not in _SCALARS:
            return self.key(there, name)
        if (named := self._named.get((there, name))) is not None and name not in _SCALARS:
            return f"'{name}" if named == "string" else self.notation(there, named)
        return _SCALARS.get(name, "A")

    def row(self, type_: _Type) -> str:
        """A type's line of types.txt."""
        words = [f"{self.key(type_.room, type_.name)}{'@' if type_.is_atomic else ''}"]
        for each, _ in self.flat(type_):
            words.append(self._word(type_, each))
        return " ".join(words)

    def _word(self, owner: _Type, each: _Field) -> str:
        name, *options = each.json.split(",")
        flag = "?" if "omitzero" in options else "" if "omitempty" in options else "!"
        room = next(there.room for there in self._owners(owner) if each in there.fields)
        go = f"={each.go}" if each.go and each.go != name[:1].upper() + name[1:] else ""
        pointer = "*" if each.type.startswith("*") else ""
        kind = self.notation(room, each.type.lstrip("*"))
        return f"{name}{flag}{go}:{pointer}{kind}{_list_type(each)}{_merging(each)}"

    def _owners(self, owner: _Type) -> Iterator[_Type]:
        yield owner
        for each in owner.fields:
            if "inline" in each.json and (inner := self.structs.get(self.place(owner.room, each.type.lstrip("*")))) is not None:
                yield from self._owners(inner)


def _list_type(each: _Field) -> str:
    keys = [marker.partition("=")[2] for marker in each.markers if marker.startswith("+listMapKey=")]
    if "+listType=map" in each.markers and keys:
        return f"<{','.join(keys)}>"
    return "<=>" if "+listType=set" in each.markers else "@" if "+mapType=atomic" in each.markers else ""


def _merging(each: _Field) -> str:
    strategy = re.search(r'patchStrategy:"([^"]*)"', each.tags)
    if strategy is None:
        return ""
    key, words = re.search(r'patchMergeKey:"([^"]*)"', each.tags), strategy[1].split(",")
    merged = f"~{key[1] if key else '='}" if "merge" in words and (key or each.type.startswith("[]")) else ""
    return merged + ("%" if "retainKeys" in words else "") + ("^" if "replace" in words else "")


def main(arguments: list[str]) -> int:
    sources, folder = Sources(Path(arguments[0])), Path(__file__).parents[1] / "kube" / "published"
    folder.mkdir(exist_ok=True)
    house = {name: each for name, each in types().items() if not each.is_custom and each.tokens[-1:] != ("...",)}
    wanted = {kind.name for kind in INERT if "istio" not in kind.group} | set(REVIEWS)
    rows, numbers, seen = [], [], set()
    open_ = [place for place in sources.structs if sources.key(*place) in wanted or sources.key(*place) in house]
    while open_:
        place = open_.pop(0)
        if place in seen:
            continue
        seen.add(place)
        type_, key = sources.structs[place], sources.key(*place)
        fields = list(sources.flat(type_))
        numbers.append(" ".join([key, *(f"{each.json.split(',')[0]}={number}" for each, number in fields if number)]))
        if key not in house:
            rows.append(sources.row(type_))
            open_ += [below for owner in sources._owners(type_) for below in _below(sources, owner)]
    (folder / "types.txt").write_text("\n".join(sorted(rows)) + "\n")
    (folder / "numbers.txt").write_text("\n".join(sorted(numbers)) + "\n")
    return 0


def _below(sources: Sources, type_: _Type) -> Iterator[tuple[str, str]]:
    for each in type_.fields:
        place = sources.place(type_.room, re.sub(r"^[*\[\]]+|^map\[[\w.]+\](\[\])?", "", each.type).lstrip("*[]"))
        if place in sources.structs and place[1] not in _SCALARS:
            yield place


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
