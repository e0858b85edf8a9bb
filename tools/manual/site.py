"""How Sphinx reads the documents, and makes the site and the man pages of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ... import __version__

STYLES = Path(__file__).with_name("site.css")
SETTINGS: dict[str, Any] = {
    "project": "rollway",
    "release": __version__,
    "version": __version__,
    "author": "the authors of rollway",
    "language": "en",
    "extensions": ["myst_parser"],
    "myst_enable_extensions": ["deflist"],
    "myst_heading_anchors": 4,
    "smartquotes": False,  # `--to` stays what one types
    "pygments_style": "default",
    "html_theme": "furo",
    "html_title": "rollway",
    "html_static_path": [str(STYLES)],
    "html_css_files": [STYLES.name],
    "html_copy_source": False,
    "html_use_index": False,
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_permalinks_icon": "#",
    "manpages_url": "{page}.html",
}

_NEEDLESS = re.compile(r"^(\.SH .*\n)\.sp\n| \\%<[^>]*\.html>", re.MULTILINE)
"""A heading is a paragraph's end by itself: mandoc warns of another. Where the site keeps a page is of no use in a manual."""

ManPage = tuple[str, str, str, list[str], int]
"""Sphinx's own: (document, name, what it is in a line, authors, section)."""


BUILDERS = {"site": "html", "man": "man"}
"""What can be made, and what Sphinx calls it."""


def build(source: Path, out: Path, man_pages: Sequence[ManPage], kinds: Sequence[str] = tuple(BUILDERS)) -> int:
    """Makes out/site and out/man, or one of these `kinds`, of what is read once; 0, or 1 where there is anything to be warned of:
    a link that leads nowhere, a page that no list names."""
    settings = SETTINGS | {"man_pages": list(man_pages)}
    (source / "conf.py").write_text(f"globals().update({settings!r})\n", encoding="utf-8")
    for kind in kinds:
        command = ("sphinx", "--quiet", "--fail-on-warning", "--doctree-dir", source.parent / "read", "--builder", BUILDERS[kind])
        done = subprocess.run([sys.executable, "-m", *map(str, (*command, source, out / kind))], check=False)
        if done.returncode:
            return done.returncode
    for made in (out / "man").iterdir() if "man" in kinds else ():
        text = made.read_text(encoding="utf-8")
        made.write_text(_NEEDLESS.sub(lambda found: found[1] or "", text), encoding="utf-8")
    return 0
