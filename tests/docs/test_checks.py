"""docs/checks.md is the table of rules. `make golden` writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rollway.preflight.model import Rule
from rollway.preflight.rules import BY_ID

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"
HEAD = """\
# What `deploy check` looks for

<!-- written by `make golden` from preflight/rules.py -->

Before it runs, a release is checked by these rules; `deploy apply` and `deploy plan` tell shortly what they find. An error surely
breaks something, and stops both unless `--force`; a warning may lose requests or get stuck; the rest is for information.
`deploy check --fix` writes the fixes into your files, `--diff` only shows them, and `--live` asks the cluster as well.

How long the slowest request takes, and how late proxies hear that a pod leaves, is in the release file:

```yaml
traffic: {slowestRequest: 1s, proxySync: 1s}     # the defaults
```

A rule is ignored where there is a reason, by a comment on or above the line of a field, for all below it, or on or above an
object's first line, for the whole object:

```yaml
# rollway: ignore RW004 because the proxy in front retries refused connections
- name: shop
```
"""


def page() -> str:
    rows = "\n".join(f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity} | {rule.title} |" for rule in BY_ID.values())
    parts = [HEAD, f"| rule | | |\n|---|---|---|\n{rows}\n", *(section(rule) for rule in BY_ID.values())]
    return "\n".join(parts)


def section(rule: Rule) -> str:
    return f"## {rule.id}\n\n**{rule.title}** · {rule.severity}\n\n{rule.why}\n\n{rule.more}\n\n```yaml\n{rule.example}\n```\n"


def test_the_page_is_the_table(request: pytest.FixtureRequest) -> None:
    """Each rule with what it is about, why, and an example."""
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page())

    assert PAGE.read_text() == page()
