"""The release file's own shape, and the sentence for each mistake in it, at the user's own line."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from ..errors import BadInput
from . import aliases
from .names import MAX_APP, safe_name, wrong_label, wrong_object_name
from .options import STRATEGIES, RouterName, StrategyName, StrategyOptions, Traffic
from .rendering import Entry
from .strict import Strict
from .wrong import Wrong
from .yamlfile import Document, Path

if TYPE_CHECKING:
    from .hookoptions import HookOptions
    from .hooks import When
    from .web import WebApp


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_entries(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


class PlainFile(Strict):
    """What is released, and how, as most release files say it; release.whole has what few of them hold."""

    app: str | None = Field(None, description="The application's name, at most 50 characters. Default: the Deployment's.")
    namespace: str | None = Field(None, description="Where it is released. Default: the context's namespace.")
    manifests: Annotated[tuple[Entry, ...], BeforeValidator(_as_entries)] | None = Field(
        None,
        description="Files, folders and globs, relative to this file; - is standard input. Also {helm: chart/, values: […]} and "
        "{kustomize: overlays/prod}, rendered at each release.",
    )
    exclude: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        (),
        description="Objects of the manifests that are no part of the release: a kind, or kind/name. They are left as they are.",
    )
    image: str | None = Field(None, description="The image to release, instead of the one in the manifests.")
    container: str | None = Field(None, description="The application's container, where a pod has several.")
    pin_config: bool = Field(True, description="Name the pods' ConfigMaps and Secrets by content, so each version keeps its own.")
    workload: str | None = Field(None, description="The Deployment to release, where the manifests hold several.")
    workload_name: str | None = Field(
        None,
        description="What the workload is called in the cluster, whatever its manifests call it: each version may have a name of "
        "its own there. What scales it follows.",
    )
    strategy: StrategyName = Field("ramped", description="How it is released where the command does not say.")
    router: RouterName = Field(
        "auto",
        description="What splits requests for canary and ab: HTTPRoutes, VirtualServices, ingress-nginx, or how many pods there "
        "are. Default: the first of whose routes the manifests have one. blue-green switches by routes where they are named.",
    )
    strategies: StrategyOptions = Field(StrategyOptions(), description="The strategies' settings; each has a default.")
    traffic: Traffic = Field(Traffic(), description=Traffic.__doc__)
    depends_on: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        (),
        description="Applications to be live before this one is released, where several are at once: app, or namespace/app.",
    )

    @property
    def conduct(self) -> dict[str, Any]:
        """What looks on while it is released, by the names of Release's fields."""
        return {"probe": None, "gates": (), "notify": (), "runner": None}

    @property
    def hooks(self) -> Mapping[When, Sequence[HookOptions]]:
        return {}

    @property
    def web_app(self) -> WebApp | None:
        """In place of manifests."""
        return None

    @field_validator("app", "namespace", "container")
    @classmethod
    def _is_label(cls, name: str | None, info: Any) -> str | None:
        longest = MAX_APP if info.field_name == "app" else 63
        if name is not None and (wrong := wrong_label(name, longest)):
            near = safe_name(name)
            raise Wrong(
                f"{name!r} is no valid name: {wrong}", hint=f'did you mean "{near}"?' if near != name else "choose a shorter name"
            )
        return name

    @field_validator("exclude")
    @classmethod
    def _are_objects(cls, excluded: tuple[str, ...]) -> tuple[str, ...]:
        for index, text in enumerate(excluded):
            kind, slash, name = text.partition("/")
            if not kind or not kind.isalnum() or (slash and not name):
                raise Wrong(
                    f"{text!r} is neither a kind nor kind/name", hint="such as Rollout, or Deployment/worker", at=(index,)
                )
        return excluded

    @field_validator("workload", "workload_name")
    @classmethod
    def _is_name(cls, name: str | None) -> str | None:
        if name is not None and (wrong := wrong_object_name("Deployment", name)):
            raise Wrong(f"{name!r} is no valid name: {wrong}")
        return name

    @field_validator("depends_on")
    @classmethod
    def _are_apps(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for index, name in enumerate(names):
            namespace, slash, app = name.rpartition("/")
            wrong = wrong_label(app, MAX_APP) or (wrong_label(namespace) if slash else "")
            if wrong:
                raise Wrong(f"{name!r} is no application: {wrong}", hint="write app, or namespace/app", at=(index,))
        return tuple(dict.fromkeys(names))


def parsed(document: Document) -> PlainFile:
    """Raises BadInput. What few files hold is read by models of their own, which take their time to be made."""
    if document.data.keys() <= {info.alias for info in PlainFile.model_fields.values()}:
        with contextlib.suppress(ValidationError):
            return PlainFile.model_validate(document.data)
    return validated(document, _whole())


def _whole() -> type[PlainFile]:
    from .whole import ReleaseFile

    return ReleaseFile


_Model = TypeVar("_Model", bound=BaseModel)


def validated(document: Document, model: type[_Model]) -> _Model:
    """Raises BadInput at the first mistake; its detail names the others."""
    try:
        return model.model_validate(document.data)
    except ValidationError as failure:
        found: dict[tuple[str, Path], BadInput] = {}
        for error in failure.errors(include_url=False):
            bad, path = _bad_input(error, document, model)
            # a union reports a mistake once for each of its arms
            found.setdefault((bad.where, path), bad)
        first, *rest = sorted(found.values(), key=lambda bad: _line(bad.where))
        first.detail = "\n".join(bad.summary for bad in rest)
        raise first from failure


def _line(where: str) -> tuple[int, ...]:
    """Sorts by place; flags, which have none, first."""
    return tuple(int(part) for part in where.rsplit(":", 2)[1:] if part.isdecimal())


def _bad_input(error: ErrorDetails, document: Document, model: type[BaseModel]) -> tuple[BadInput, Path]:
    loc: Path = tuple(error["loc"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Wrong):
        path = _known(document.data, loc)
        text = str(cause) if not path else f"{named(path)}: {cause}"
        return BadInput(text, where=document.where((*path, *cause.at)), hint=cause.hint), path
    if error["type"] == "extra_forbidden":
        parent = f" in {named(loc[:-1])}" if len(loc) > 1 else ""
        hint = _of_key(str(loc[-1]), loc[:-1], model, document.data)
        # what no release file would have for a key may be a line of one that was named by mistake, and be nobody's business
        key = f' "{loc[-1]}"' if re.fullmatch(r"[A-Za-z][\w. -]{0,39}", str(loc[-1])) else ""
        return BadInput(f"unknown key{key}{parent}", where=document.where(loc), hint=hint), loc
    path = _known(document.data, loc)
    if error["type"] == "missing":
        return BadInput(f"{named(loc)} is missing", where=document.where(loc[:-1])), loc
    seen = error["input"]
    if error["type"] == "literal_error" and path == ("strategy",):
        return unknown_strategy(seen, document.where(path)), path
    return BadInput(f"{named(path)} is {shown(seen)}; it takes {_wanted(error)}", where=document.where(path)), path


def _wanted(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if word := _TYPES.get(error["type"]):
        return word
    for bound, word in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if bound in context:
            return f"{word} {context[bound]}"
    return error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")


_TYPES = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "too_short": "at least one item",
    "string_pattern_mismatch": "a path that starts with /",
}


def _known(data: Any, loc: Path) -> Path:
    """The part of a pydantic location that is in the data: it also names the arms of unions."""
    for end, key in enumerate(loc):
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return loc[:end]
    return loc


def named(path: Sequence[str | int]) -> str:
    """("strategies", "canary", "steps", 0) as "strategies.canary.steps[0]"; the root as "the file"."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the file"


def shown(value: Any) -> str:
    """A value in a message: short, in one line."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = "true" if value is True else "false" if value is False else "empty" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def sort_of(value: Any) -> str:
    """What a value is, without a word of it: it may be a file that was named by mistake, and be nobody's business."""
    sorts = ((bool, "true or false"), (str, "a text"), (int | float, "a number"), (dict, "a mapping"), (list, "a list"))
    return next((name for kind, name in sorts if isinstance(value, kind)), "empty")


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the known word that was probably meant, or nothing."""
    folded = {name.replace("-", "").replace("_", "").lower(): name for name in known}
    near = difflib.get_close_matches(word.replace("-", "").replace("_", "").lower(), list(folded), n=1, cutoff=0.6)
    return f'did you mean "{folded[near[0]]}"?' if near else ""


def unknown_strategy(seen: Any, where: str = "") -> BadInput:
    hint = nearest(str(seen), STRATEGIES) or aliases.of_strategy(str(seen)) or f"one of {', '.join(STRATEGIES)}"
    return BadInput(f"unknown strategy {shown(seen)}", where=where, hint=hint)


def _of_key(word: str, path: Path, model: type[BaseModel], data: Any) -> str:
    """A hint at the key that was meant. An option of strategies is known by its very name, and before what merely looks alike."""
    known = keys_at(path, model)
    if path == ("strategies",):
        return nearest(aliases.STRATEGIES.get(word.lower(), word), known)
    if not path and word == "replicas":
        has_manifests = isinstance(data, Mapping) and "manifests" in data
        return "how many pods there are is what the manifests say: spec.replicas" if has_manifests else 'it belongs under "web"'
    blocks = [key for key in keys_at(("strategies",), model) if word in keys_at(("strategies", key), model)] if not path else []
    if blocks:
        named_so = (f'"strategies.{key}"' for key in blocks)
        return f"it belongs under {' or '.join(named_so)}"
    return nearest(word, known) or _further_down(word, path, model)


def _further_down(word: str, path: Path, model: type[BaseModel]) -> str:
    """A hint at the block that has the key, where it was written beside that."""
    found = (key for key in keys_at(path, model) if word in keys_at((*path, key), model))
    return next((f'it belongs under "{key}"' for key in found), "")


def keys_at(path: Path, root: type[BaseModel] | None = None) -> list[str]:
    """The keys that a file, the release's where no other is named, takes at a path."""
    model: type[BaseModel] | None = root or _whole()
    for key in path:
        if isinstance(key, int) or model is None:
            continue
        below = next((info for info in model.model_fields.values() if info.alias == key), None)
        model = _model_in(below.annotation) if below else None
    return [str(info.alias) for info in model.model_fields.values()] if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
