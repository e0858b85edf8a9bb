"""What a user may write of a request, and the sentence for what cannot be sent."""

from __future__ import annotations

import pytest
from rollway.errors import BadInput
from rollway.load.target import Bound, Expected, Target, rate_of


@pytest.mark.parametrize(
    ("url", "first_lines"),
    [
        ("http://shop.example.com", "GET / HTTP/1.1\r\nHost: shop.example.com\r\n"),
        ("https://shop.example.com:8443/a?b=c#part", "GET /a?b=c HTTP/1.1\r\nHost: shop.example.com:8443\r\n"),
        ("http://[::1]:8080/", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n"),
        ("http://shop/ein weg/ü%20", "GET /ein%20weg/%C3%BC%20 HTTP/1.1\r\nHost: shop\r\n"),
        ("http://bücher.example/", "GET / HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n"),
    ],
)
def test_the_request_as_it_is_sent(url: str, first_lines: str) -> None:
    """What would end the request line is quoted; a fragment is never sent."""
    assert Target.of(url).wire.decode().startswith(first_lines)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop",
        "127.0.0.1:80",
        "ftp://shop/",
        "http://",
        "http://shop:99999/",
        "http://shop:0/",
        "http://me:pw@shop/",
        "http://[x/",
    ],
)
def test_what_is_no_url(url: str) -> None:
    """Refused before anything is sent; a password in it is not shown."""
    with pytest.raises(BadInput) as refused:
        Target.of(url)

    assert "pw" not in str(refused.value)


@pytest.mark.parametrize("header", ["", "X", "X Y: z", "X: a\r\nY: b", "X: \u2192", "Content-Length: 3", "connection: close"])
def test_what_is_no_header(header: str) -> None:
    """Nor is one that is the probe's own."""
    with pytest.raises(BadInput):
        Target.of("http://shop", headers=[header])


def test_a_host_header_is_the_host() -> None:
    """However it is given."""
    assert Target.of("http://10.0.0.1", headers=["host: shop"]).wire == Target.of("http://10.0.0.1", host="shop").wire


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [("2xx", (200, 299), (199, 300)), ("201,202", (201, 202), (200, 203)), ("2XX, 404", (200, 404), (400, 500))],
)
def test_expected_statuses(text: str, good: tuple[int, ...], bad: tuple[int, ...]) -> None:
    """Classes and codes, separated by commas."""
    codes = Expected.of(text).codes

    assert codes.issuperset(good)
    assert codes.isdisjoint(bad)


@pytest.mark.parametrize("text", ["", "ok", "2x", "600", "200-299", "200,"])
def test_no_statuses(text: str) -> None:
    """With the way to write them."""
    with pytest.raises(BadInput, match="no status code"):
        Expected.of(text)


@pytest.mark.parametrize(
    ("text", "lost", "of", "is_over", "exceeded"),
    [
        ("0", 0, 10, True, False),
        ("0", 1, 10, False, True),
        ("3", 3, 10, True, False),
        ("3", 4, 10, False, True),
        ("1%", 1, 50, False, False),  # too early to speak of a share
        ("1%", 1, 50, True, True),
        ("1%", 2, 150, False, True),
        ("1%", 1, 100, True, False),
        ("0.5%", 6, 1000, True, True),
        ("100%", 10, 10, True, False),
    ],
)
def test_how_many_may_be_lost(text: str, lost: int, of: int, is_over: bool, exceeded: bool) -> None:
    """A number, or a share, which says something of enough requests only."""
    assert Bound.of(text).is_exceeded_by(lost, of, is_over=is_over) is exceeded


@pytest.mark.parametrize("text", ["", "-1", "some", "101%", "1.5", "%"])
def test_no_bound(text: str) -> None:
    """A number or a percentage."""
    with pytest.raises(BadInput, match="no number of requests"):
        Bound.of(text)


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", "1e9", ""])
def test_no_rate(text: str) -> None:
    """Above 0, and not beyond what a machine can send."""
    with pytest.raises(BadInput, match="cannot be sent"):
        rate_of(text)
