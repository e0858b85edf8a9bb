"""Whether the licence of everything that is installed is one that we take: `python tools/licenses.py`.

What is taken stands in licenses.toml beside this file: `[taken]` are licences, by their SPDX name; `[packages]` are packages
whose metadata tell none of these, with what they are under and why we take that.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

OWN = "rollway"
CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True)
class Terms:
    """What is taken: licences by SPDX name, and packages by name, each with the reason."""

    taken: Mapping[str, str]
    packages: Mapping[str, str]

    @staticmethod
    def read(path: Path) -> Terms:
        told = tomllib.loads(path.read_text())
        return Terms(told["taken"], {normal(name): why for name, why in told["packages"].items()})


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(package: Distribution) -> str:
    """What a package's metadata say: an SPDX expression, else a short text, else classifiers; empty for none."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    text = metadata["License"].strip() if "License" in metadata else ""
    if text and "\n" not in text:
        return text
    found = [line.removeprefix(CLASSIFIER) for line in metadata.get_all("Classifier") or () if line.startswith(CLASSIFIER)]
    return " OR ".join(found)


def is_taken(expression: str, taken: Iterable[str]) -> bool:
    """Of `A AND B` both have to be taken, of `A OR B` one."""
    known = {name.lower() for name in taken}
    return any(all(part.strip().lower() in known for part in each.split(" AND ")) for each in expression.split(" OR "))


def refused(packages: Iterable[tuple[str, str]], terms: Terms) -> list[str]:
    """Of (name, licence): a line for each that is not taken, and for each exception that nothing needs any more."""
    found = {normal(name): licence for name, licence in packages}
    out = [
        f"{name}: {licence or 'its metadata tell no licence'}: not taken; if it can be, say why in licenses.toml"
        for name, licence in sorted(found.items())
        if name not in terms.packages and not is_taken(licence, terms.taken)
    ]
    needless = [name for name in terms.packages if name in found and is_taken(found[name], terms.taken)]
    return out + [f"{name}: {found[name]} is taken anyway: take its exception out of licenses.toml" for name in needless]


def main() -> int:
    terms = Terms.read(Path(__file__).with_name("licenses.toml"))
    packages = [(each.name, licence_of(each)) for each in distributions() if normal(each.name) != OWN]
    wrong = refused(packages, terms)
    print("\n".join(wrong) or f"the licences of {len(packages)} packages are taken")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
