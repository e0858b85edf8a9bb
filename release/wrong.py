"""What a validator of the release file raises: a sentence for the user, and perhaps what to write instead."""

from __future__ import annotations


class Wrong(ValueError):
    """A ValueError, as pydantic asks for. release.load gives it its place in the file and makes it a BadInput.

    `at` leads from the validated value to the part that is wrong, as keys and indices.
    """

    def __init__(self, sentence: str, *, hint: str = "", at: tuple[str | int, ...] = ()) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.at = at
