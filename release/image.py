"""Image references: whether one is well-formed, and what `--image` makes of the one in the manifest."""

from __future__ import annotations

import re

from .wrong import Wrong

_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
# The first part is a host only with a dot, a port, or as localhost; only then may it hold capitals.
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9.-]+(?=:)|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
_DIGEST = r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,128}"
_REFERENCE = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::{_TAG})?(?:@{_DIGEST})?")
_VERSION = re.compile(r"v?[0-9](?:[A-Za-z0-9_.-]{0,126})")


def replaced(current: str, wanted: str) -> str:
    """`current` with what `wanted` says put in. Raises Wrong.

    `:1.5.0` replaces the tag and `@sha256:…` the digest. A bare word that reads like a version (`1.5.0`, `v2`: a digit, perhaps
    after a "v") is a tag too. Everything else is a whole reference: `nginx`, `ghcr.io/acme/shop:1.5.0`.
    """
    if wanted.startswith(("@", ":")) or _VERSION.fullmatch(wanted):
        repository = split_image(current)[0]
        if not repository:
            raise Wrong(
                f"{wanted!r} is only a tag, and the manifest names no image", hint="give the whole reference, repository:tag"
            )
        return checked(repository + wanted if wanted[0] in "@:" else f"{repository}:{wanted}")
    return checked(wanted)


def checked(reference: str) -> str:
    """The reference, if a container runtime could read it. Raises Wrong."""
    if not _REFERENCE.fullmatch(reference) or len(reference) > 512:
        lower = reference.lower()
        hint = (
            f'did you mean "{lower}"?' if _REFERENCE.fullmatch(lower) else "write repository:tag, such as ghcr.io/acme/shop:1.4.0"
        )
        if "$" in reference or "{{" in reference:
            hint = "nobody has filled in its variable: give --image, or render the manifests first, for example with envsubst"
        raise Wrong(f"{reference!r} is no image reference", hint=hint)
    return reference


def split_image(image: str) -> tuple[str, str, str]:
    """(repository, tag, digest) of an image reference; the last two may be empty: `localhost:5000/shop` has no tag."""
    name, _, sha = image.partition("@")
    head, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return head + slash + base, tag, sha
