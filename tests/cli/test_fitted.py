"""Lines on a narrow terminal."""

from __future__ import annotations

import pytest
from rollway.cli.views.paint import Paint
from rollway.cli.views.sink import fitted, put_document, styled

LINE = f"  {Paint(True)('note', 'faint')}    an HPA scales shop: its pods stay, the share is reached beside them, by its own pods"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_lines_break_between_words(width: int) -> None:
    """No word is cut, none is lost, and colours have no width."""
    parts = fitted(LINE, width)

    assert " ".join(" ".join(parts).split()) == " ".join(LINE.split())
    assert all(len(plain) <= width for plain in map(without_colour, parts))
    assert all(part.startswith("    ") for part in parts[1:])


def test_what_fits_stays() -> None:
    """So does everything where there is no terminal, and a word that is longer than a line."""
    assert fitted(LINE, 200) == [LINE]
    assert fitted(LINE, None) == [LINE]
    assert fitted("sha256:" + "0" * 64, 40) == ["sha256:" + "0" * 64]


def test_a_word_that_fits_nowhere_does_not_leave_its_sign_alone() -> None:
    """A diff's path that is longer than a line stays beside its `+`; what follows is broken as ever."""
    path = ".spec.template.spec.containers[shop].readinessProbe.httpGet.path:"

    assert fitted(f"    + {path} /healthz", 60) == [f"    + {path}", "      /healthz"]


def without_colour(line: str) -> str:
    text = styled(line)
    for code in ("\x1b[0m", "\x1b[2m"):
        text = text.replace(code, "")
    return text


def test_a_painted_document_is_in_colour_and_holds_no_mark(capsys: pytest.CaptureFixture[str]) -> None:
    """A text for people goes the same way as a document for programs; what it quotes stays escaped."""
    put_document(f"{Paint(True)('figures', 'bad')} of \x1b[31mtheirs\nplain: 1")

    assert capsys.readouterr().out == "\x1b[31mfigures\x1b[0m of \\x1b[31mtheirs\nplain: 1\n"
