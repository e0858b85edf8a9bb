"""Two matches as one, row by row."""

from __future__ import annotations

import pytest
from rollway.routing.matches import Undecided, both, moved

NEVER = {
    "other prefixes": ({"uri": {"prefix": "/admin"}}, {"uri": {"prefix": "/beta"}}),
    "a prefix and an exact path": ({"uri": {"prefix": "/admin"}}, {"uri": {"exact": "/"}}),
    "two exact values": ({"headers": {"x-plan": {"exact": "paid"}}}, {"headers": {"X-Plan": {"exact": "free"}}}),
    "two methods": ({"method": {"exact": "GET"}}, {"method": {"exact": "POST"}}),
    "a regex that begins otherwise": ({"uri": {"regex": "^/v[0-9]+/.*"}}, {"uri": {"prefix": "/api"}}),
    "a regex that does not take it": ({"uri": {"regex": "/v[0-9]+"}}, {"uri": {"exact": "/vx"}}),
    "wanted and unwanted": ({"headers": {"x": {"exact": "v2"}}}, {"withoutHeaders": {"x": {"prefix": "v"}}}),
    "there and not there": ({"withoutHeaders": {"x": {}}}, {"headers": {"x": {"regex": "v.*"}}}),
    "two ports": ({"port": 80}, {"port": 9000}),
    "two gateways": ({"gateways": ["mesh"]}, {"gateways": ["edge"]}),
    "two sources": ({"sourceLabels": {"app": "web"}}, {"sourceLabels": {"app": "job"}}),
    "query parameters": ({"queryParams": {"v": {"exact": "1"}}}, {"queryParams": {"v": {"exact": "2"}}}),
}
BOTH = {
    "nothing and something": ({}, {"port": 80}, {"port": 80}),
    "the longer prefix": ({"uri": {"prefix": "/"}}, {"uri": {"prefix": "/beta"}}, {"uri": {"prefix": "/beta"}}),
    "the exact path": ({"uri": {"exact": "/a/b"}}, {"uri": {"prefix": "/a"}}, {"uri": {"exact": "/a/b"}}),
    "a regex within a prefix": ({"uri": {"prefix": "/v"}}, {"uri": {"regex": "/v[0-9]"}}, {"uri": {"regex": "/v[0-9]"}}),
    "a regex for everything": ({"uri": {"regex": ".*"}}, {"uri": {"prefix": "/beta"}}, {"uri": {"prefix": "/beta"}}),
    "there, and its value": ({"headers": {"x": {}}}, {"headers": {"x": {"exact": "1"}}}, {"headers": {"x": {"exact": "1"}}}),
    "two headers": (
        {"headers": {"x": {"exact": "1"}}}, {"headers": {"y": {"exact": "2"}}},
        {"headers": {"x": {"exact": "1"}, "y": {"exact": "2"}}},
    ),
    "two unwanted values": (
        {"withoutHeaders": {"x": {"exact": "a.b"}}}, {"withoutHeaders": {"x": {"prefix": "c"}}},
        {"withoutHeaders": {"x": {"regex": r"(a\.b|c.*)"}}},
    ),
    "whose case counts": (
        {"uri": {"exact": "/A/b"}, "ignoreUriCase": True}, {"uri": {"exact": "/A/b"}},
        {"uri": {"exact": "/A/b"}, "ignoreUriCase": False},
    ),
    "whose case does not": (
        {"uri": {"prefix": "/"}}, {"uri": {"prefix": "/Beta"}, "ignoreUriCase": True},
        {"uri": {"prefix": "/Beta"}, "ignoreUriCase": True},
    ),
    "case, and no path beside it": (
        {"ignoreUriCase": True, "port": 80}, {"uri": {"exact": "/Beta"}}, {"uri": {"exact": "/Beta"}, "port": 80},
    ),
}  # fmt: skip
UNDECIDED = {
    "two regexes": ({"headers": {"cookie": {"regex": ".*a=1.*"}}}, {"headers": {"cookie": {"regex": "(.*; )?b=2"}}}),
    "a regex with alternatives": ({"uri": {"regex": "/a.*|/b.*"}}, {"uri": {"prefix": "/a/x"}}),
    "a regex without regard to case": ({"uri": {"regex": "(?i)/admin.*"}}, {"uri": {"prefix": "/beta"}}),
    "a regex that cannot be read": ({"uri": {"regex": r"\pL+"}}, {"uri": {"exact": "/a"}}),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_no_request_can_meet_makes_no_match(name: str) -> None:
    """From either side."""
    one, other = NEVER[name]

    assert both(one, other) is both(other, one) is None


@pytest.mark.parametrize("name", BOTH)
def test_the_more_special_of_the_two(name: str) -> None:
    """Or what says both."""
    one, other, wanted = BOTH[name]

    assert both(one, other) == wanted


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_cannot_be_known_is_not_guessed(name: str) -> None:
    """It names both texts."""
    one, other = UNDECIDED[name]

    with pytest.raises(Undecided, match="regex"):
        both(one, other)


def test_a_prefix_rewrite_cannot_be_said_of_a_regex() -> None:
    """Envoy would rewrite the whole path."""
    with pytest.raises(Undecided, match="rewrite of a prefix to /in"):
        moved({"uri": "/in"}, {"uri": {"prefix": "/a"}}, {"uri": {"regex": "/a/[0-9]+"}})


def test_a_rewrite_of_the_whole_path_is_none_of_a_prefix() -> None:
    """Envoy would put it in the place of the prefix alone; where the path stays one as a whole, nothing changes."""
    rewrite = {"uri": "/new"}
    with pytest.raises(Undecided, match=r"regex \.\* and prefix /a, and the rewrite of the whole path to /new"):
        moved(rewrite, {"uri": {"regex": ".*"}}, {"uri": {"prefix": "/a"}})
    assert moved(rewrite, {"uri": {"regex": ".*"}}, {"uri": {"exact": "/a"}}) == rewrite
    assert moved(rewrite, {"uri": {"regex": "/.*"}}, {"uri": {"regex": "/.*"}}) == rewrite
