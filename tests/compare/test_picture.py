"""The picture for a chat message: its size, its bands to the pixel, any name, the same bytes."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace

import pytest
from PIL import Image
from rehearsed import ab, bad_comparison, comparison, ramped, recreate
from rollway.compare.picture import png
from rollway.compare.results import Comparison

OLD, NEW, LOST, WHITE = (0xC3, 0xC9, 0xD1), (0x1D, 0x6F, 0xB8), (0xD9, 0x48, 0x0F), (255, 255, 255)
LEFT, RIGHT = 350, 1156  # where the axis begins and ends


def drawn(of: Comparison) -> Image.Image:
    with Image.open(io.BytesIO(png(of))) as image:
        return image.convert("RGB")


def colours(image: Image.Image, box: tuple[int, int, int, int]) -> Counter[object]:
    """How many pixels of each colour."""
    part = image.crop(box)
    return Counter(part.getpixel((x, y)) for x in range(part.width) for y in range(part.height))


def test_bands_are_true_to_the_figures() -> None:
    """Of recreate alone, from -2 s to 15.25 s: old until 1 s, all lost until 12 s, then new."""
    image = drawn(comparison(outcomes=(recreate(),)))
    assert image.size == (1200, 630)

    def at(second: float) -> int:
        return LEFT + int((second + 2) / 17.25 * (RIGHT - LEFT))

    assert set(colours(image, (at(-1.9), 150, at(0.9), 200))) == {OLD}
    assert set(colours(image, (at(1.1), 150, at(11.9), 200))) == {LOST, WHITE}  # hatched
    assert set(colours(image, (at(12.1), 150, at(15.2), 200))) == {NEW}


def test_a_share_is_a_height() -> None:
    """Of ramped at 21 s: three of four pods are new, so three quarters of the band."""
    image = drawn(comparison(outcomes=(ramped(),)))
    x = LEFT + int((21 + 2) / 29.75 * (RIGHT - LEFT))

    found = colours(image, (x, 140, x + 1, 225))
    assert found[NEW] / (found[NEW] + found[OLD]) == pytest.approx(0.75, abs=0.02)


def test_one_lost_request_is_seen() -> None:
    """A piece of the band as long as it took, and high enough for the eye."""
    run = ramped().typical
    one = tuple(1.0 if number == 30 else 0.0 for number in range(len(run.bands.old)))
    quiet = replace(ramped(), runs=(replace(run, bands=replace(run.bands, lost=one)),))

    image = drawn(comparison(outcomes=(quiet,), reason=""))
    assert colours(image, (LEFT, 130, RIGHT, 240))[LOST] >= 6 * 3


@pytest.mark.parametrize("name", ["x" * 300, "Überfall →→ 😀 \u202e", ""])
def test_any_name_stays_on_its_own_place(name: str) -> None:
    """Cut where it is too long, replaced where the typeface has no such sign; the margin stays empty."""
    outcomes = (replace(ramped(), strategy=name), replace(ab(), refused=name))
    image = drawn(comparison(app=name, from_version=name, to_version=name, outcomes=outcomes, reason=f"{name} " * 80))

    assert set(colours(image, (RIGHT + 4, 0, 1200, 630))) == {WHITE}
    assert set(colours(image, (0, 0, 24, 630))) == {WHITE}
    assert set(colours(image, (0, 610, 1200, 630))) == {WHITE}


@pytest.mark.parametrize("of", [comparison(), bad_comparison(), comparison(outcomes=(ab(),)), comparison(outcomes=())])
def test_the_same_comparison_gives_the_same_bytes(of: Comparison) -> None:
    assert png(of) == png(of)
    assert png(of) != png(replace(of, to_version="9.9.9"))
