"""A Prometheus that is a pod of the cluster, by its name there, asked from a machine that does not know that name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab import Lab
from scraping import MISSING, PROMETHEUS

pytestmark = [pytest.mark.real_time, pytest.mark.skipif(PROMETHEUS is None, reason=MISSING)]
FOLDER = Path(__file__).parent / "bad-version"
RELEASE = """
app: prometheus
manifests: [prometheus.yaml]
gates:
- {name: near, prometheus: "http://prometheus.NAMESPACE:9090", query: 'vector(1) + 1 or up{pod=~".+"}', max: 2}
- {name: far, prometheus: "http://prometheus.NAMESPACE.svc.cluster.local:9090", query: "vector(3)", max: 2}
- name: bare
  url: {address: "http://prometheus:9090/api/v1/query?query=1%2B1", path: "{.data.result[1]}"}
  success: result == "2"
- {name: nowhere, prometheus: "http://nothing.NAMESPACE:9090", query: "vector(3)", max: 2}
"""


def test_it_is_asked_through_the_api_server(example: Callable[..., Lab], tmp_path: Path) -> None:
    lab = example(FOLDER, {"FOLDER": str(tmp_path / "data")})
    (lab.folder / "deploy.yaml").write_text(RELEASE.replace("NAMESPACE", lab.namespace))
    lab.release("apply", "--skip-gates", "it is the one that is asked")
    ended = lab.deploy("gates", "--sandbox", "-f", "deploy.yaml", "-o", "json")
    near, far, bare, nowhere = ended.document["gates"]

    way = f"through the API server: Service {lab.namespace}/prometheus:9090"
    assert (near["phase"], near["seen"], near["asks"][-1]) == ("running", "2", way)
    assert (far["phase"], far["seen"], far["asks"][-1]) == ("failed", "3", way)
    assert (bare["phase"], bare["seen"], bare["asks"][-1]) == ("running", "2", way)
    assert 'services "nothing" not found' in nowhere["notMeasured"]
