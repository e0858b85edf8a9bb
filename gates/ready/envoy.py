"""Gateways built on Envoy: its own statistics of the cluster (Envoy: "Cluster manager statistics").

Envoy Gateway names a cluster after the route's rule and its backends; Contour after namespace, Service and port. So the side is
found by the names of its Service in the cluster's name: what is measured is what the gateway saw, connection failures included.
"""

from .model import Ready

_OF = 'envoy_cluster_name=~".*{{ namespace }}.*{{ deployment }}(/.*|_.*|$)"'

QUERIES = Ready(
    of="requests that the gateway's Envoy has sent on",
    requests=f"sum(increase(envoy_cluster_upstream_rq_total{{{_OF}}}[{{{{ interval }}}}]))",
    errors=f'sum(increase(envoy_cluster_upstream_rq_xx{{{_OF}, envoy_response_code_class="5"}}[{{{{ interval }}}}]))',
    latency=f"sum by (le) (increase(envoy_cluster_upstream_rq_time_bucket{{{_OF}}}[{{{{ interval }}}}]))",
    seconds=1000.0,
)
