"""The text of a file or a stream that a user names: what may be read as one, and how much of it."""

from __future__ import annotations

import os
import stat
from typing import NoReturn, TextIO

from ..errors import BadInput

MAX_BYTES = 5 * 1024 * 1024

_OPEN_ALREADY = ("/dev/fd/", "/dev/stdin", "/dev/null", "/proc/self/fd/")
"""What a shell hands over, as for `<(kustomize build .)`: somebody writes to it. Of another pipe nobody knows that."""


PIPE = "this is a pipe or a device, not a file"


def is_pipe(path: str) -> bool:
    """Whether it may never end, or never begin: a pipe that nobody may write to, a device. Raises OSError where there is none."""
    mode = os.stat(path).st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or path.startswith(_OPEN_ALREADY))


def read_text(path: str, source: str) -> str:
    """The text of a file known to the user as `source`. Raises BadInput: missing, a folder, unreadable, too large, not UTF-8."""
    try:
        info = os.stat(path)
        if stat.S_ISDIR(info.st_mode):
            raise BadInput("this is a folder, not a file", where=source)
        if is_pipe(path):
            raise BadInput(PIPE, where=source, hint="standard input is named - in manifests")
        if info.st_size > MAX_BYTES:
            _too_large(source)
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise BadInput("no such file", where=source) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInput(f"cannot be read: {reason}", where=source) from error
    return _decoded(content, source)


def read_stream(stream: TextIO, source: str = "<stdin>") -> str:
    """All of it. Raises BadInput: too large, not UTF-8."""
    try:
        buffer = getattr(stream, "buffer", None)
        content = stream.read(MAX_BYTES + 1).encode() if buffer is None else buffer.read(MAX_BYTES + 1)
    except UnicodeError as error:
        raise BadInput("not UTF-8 text", where=source) from error
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror or error}", where=source) from error
    return _decoded(content, source)


def _decoded(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        _too_large(source)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"not UTF-8 text: byte 0x{content[error.start]:02x} in line {line}", where=source, hint="save the file as UTF-8"
        ) from error


def _too_large(source: str) -> NoReturn:
    raise BadInput(
        f"larger than {MAX_BYTES // 1024 // 1024} MiB", where=source, hint="release manifests are text: is it the right file?"
    )
