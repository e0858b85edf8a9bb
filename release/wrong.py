"""What a validator of the release file raises: a sentence for the user, and perhaps what to write instead."""

from __future__ import annotations


class Wrong(ValueError):
    """A ValueError, as pydantic asks for. release.load gives it its place in the file and makes it a BadInput."""

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint
