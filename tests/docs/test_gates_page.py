"""docs/gates.md shows what `deploy gates --power` says of a release by routes that stops twice for five minutes."""

from __future__ import annotations

import shlex
from pathlib import Path

from shell import EXAMPLE, shell

from tests.support.pages import DOCS, blocks, commands, printed

FILE = """
app: shop
manifests: ["{folder}"]
router: istio
strategy: canary
strategies: {{canary: {{steps: [{{weight: 10, pause: 5m}}, {{weight: 50, pause: 5m}}]}}}}
gates:
- {{name: errors, prometheus: "http://prometheus.monitoring:9090", use: istio}}
"""


def test_what_gates_would_find_is_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text(FILE.format(folder=EXAMPLE.parent / "k8s"))
    [block] = blocks(DOCS / "gates.md", "console")
    [(line, expected)] = commands(block.text)

    with shell(tmp_path / "deploy.yaml") as deploy:
        assert printed(deploy(*shlex.split(line)[1:])) == expected
