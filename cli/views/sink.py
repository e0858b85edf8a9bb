"""The one way by which text reaches a terminal, a log or a job's runner.

What pods, clusters, files and artifacts say is not ours, and any line may hold it. So a line is escaped as it is written, whoever
made it: control characters, escape sequences and what turns or hides text are shown as what they are; a line that a pipeline's
runner would take for a command is none. Our own colours are marked by `Paint` in a way that nobody outside can write, and become
escape sequences here, after the escaping.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from .paint import CODES, MARK, width_of

_HIDDEN = (
    "\x00-\x08\x0a-\x1f\x7f-\x9f"  # C0 but the tab, DEL, C1
    "\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # no width, line ends, the direction of text
    "\ud800-\udfff\U000e0000-\U000e007f"  # half characters, tags
)
_UNSEEN = re.compile(f"[{_HIDDEN}]")
_COMMAND = re.compile(r"^(\s*)(::)|(##)(\[)")
"""What GitHub's runner takes for a command: `::` at a line's start, spaces before it or not, and `##[` anywhere."""
_STYLED = re.compile(f"{MARK}(.)")


def shown(text: str) -> str:
    """Text as one line that moves no cursor, hides nothing and commands nobody."""
    return _COMMAND.sub(lambda found: f"{found[1] or ''}{found[3] or ''}\\{found[2] or found[4]}", named(text))


def named(text: str) -> str:
    """Text as one line, in which what cannot be seen stands as what it is."""
    return _UNSEEN.sub(_name, text)


def styled(line: str) -> str:
    """A line for a terminal: escaped, and in our colours."""
    return _coloured(shown(line))


def say(line: str) -> None:
    """A line on stderr; flushed, in order with what stands on stdout."""
    sys.stdout.flush()
    print("\n".join(map(styled, fitted(line, width_of(sys.stderr)))), file=sys.stderr, flush=True)


def put(lines: Iterable[str]) -> None:
    """Lines on stdout; flushed, so that what goes to stderr afterwards stands below."""
    width = width_of(sys.stdout)
    print("\n".join(styled(part) for line in lines for part in fitted(line, width)), flush=True)


def fitted(line: str, width: int | None) -> list[str]:
    """A line as a terminal of `width` columns shows it: broken between words, what follows indented beneath. One word that is
    longer than a line stays whole, to be copied, and where it is: below it would be no shorter."""
    if width is None or len(_STYLED.sub("", line)) <= width:
        return [line]
    start = line[: len(line) - len(line.lstrip(" "))]
    indent = start + "  "
    out, current = [], start
    for word in re.findall(r"\S+ *", line[len(start) :]):
        fits_below = len(_STYLED.sub("", indent + word.rstrip(" "))) <= width
        if current.strip() and fits_below and len(_STYLED.sub("", current + word.rstrip(" "))) > width:
            out.append(current.rstrip(" "))
            current = indent
        current += word
    return [*out, current.rstrip(" ")]


def put_document(text: str) -> None:
    """A document of ours on stdout, as YAML: for programs, so that nothing of it is changed but what could not stand in one. What
    is painted, as a text for people may be, is in our colours."""
    print("\n".join(_coloured(named(line)) for line in text.split("\n")), flush=True)


def put_json(data: Mapping[str, Any]) -> None:
    """A JSON document on stdout. What a terminal would not show stands in JSON's own escapes."""
    lines = json.dumps(data, indent=2, ensure_ascii=False).split("\n")  # a line's end stands between values only
    print("\n".join(_UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in lines), flush=True)


def put_line(text: str) -> None:
    """One line for a program on stdout, at once."""
    print(named(text), flush=True)


def put_command(line: str) -> None:
    """A command to a pipeline's runner, its message escaped already; on stderr, which the runner reads as it does stdout."""
    sys.stdout.flush()
    print(named(line), file=sys.stderr, flush=True)


def move(stream: TextIO, line: str) -> None:
    """Writes a line over the one before it, on a terminal."""
    print(f"\r\x1b[2K{styled(line)}", end="", file=stream, flush=True)


def redraw(stream: TextIO, lines: Sequence[str], before: int) -> None:
    """Writes lines over the `before` ones that were written so last, on a terminal; none: takes them away."""
    up = f"\x1b[{before - 1}A" if before > 1 else ""
    print(f"\r{up}\x1b[J" + "\n".join(map(styled, lines)), end="", file=stream, flush=True)


def _coloured(text: str) -> str:
    return _STYLED.sub(lambda found: f"\x1b[{CODES[found[1]]}m" if found[1] in CODES else "", text)


def _name(found: re.Match[str]) -> str:
    known = {"\n": "\\n", "\r": "\\r"}.get(found[0])
    code = ord(found[0])
    return known or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
