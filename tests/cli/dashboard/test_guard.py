"""Who may ask the dashboard: the page that it serves itself, with the token, and nobody else."""

from __future__ import annotations

import pytest
from rollway.cli.dashboard.guard import refusal

OURS = {"Host": "127.0.0.1:4000", "Authorization": "Bearer secret"}


@pytest.mark.parametrize(
    "headers",
    [
        OURS,
        OURS | {"Host": "localhost:4000", "Origin": "http://localhost:4000", "Sec-Fetch-Site": "same-origin"},
        OURS | {"Origin": "http://127.0.0.1:4000"},
        {name.lower(): value for name, value in OURS.items()},
    ],
)
def test_who_is_answered(headers: dict[str, str]) -> None:
    assert refusal(headers, 4000, "secret", is_api=True) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 421),
        (OURS | {"Host": "evil.example:4000"}, 421),  # a name that is made to resolve to 127.0.0.1
        (OURS | {"Host": "127.0.0.1:4001"}, 421),
        (OURS | {"Host": "127.0.0.1"}, 421),
        (OURS | {"Origin": "http://evil.example"}, 403),
        (OURS | {"Origin": "null"}, 403),
        (OURS | {"Origin": "https://127.0.0.1:4000"}, 403),
        (OURS | {"Origin": "http://127.0.0.1:4001"}, 403),
        (OURS | {"Sec-Fetch-Site": "cross-site"}, 403),
        (OURS | {"Sec-Fetch-Site": "same-site"}, 403),
        (OURS | {"Authorization": "Bearer other"}, 401),
        (OURS | {"Authorization": "Bearer sécret"}, 401),
        (OURS | {"Authorization": "Basic secret"}, 401),
        (OURS | {"Authorization": ""}, 401),
        ({"Host": OURS["Host"]}, 401),
    ],
)
def test_who_is_refused(headers: dict[str, str], status: int) -> None:
    refused = refusal(headers, 4000, "secret", is_api=True)
    assert refused is not None
    assert refused.status == status
    assert "secret" not in refused.why


def test_the_page_itself_tells_nothing_and_wants_no_token() -> None:
    assert refusal({"Host": "127.0.0.1:4000"}, 4000, "secret", is_api=False) is None
    assert refusal({"Host": "evil.example"}, 4000, "secret", is_api=False) is not None
