"""Gateways built on Envoy: its own statistics of the cluster (Envoy: "Cluster manager statistics").

Envoy Gateway names a cluster after the route's rule and its backends; Contour and Cilium after namespace, Service and port. So
the side is found by the names of its namespace and its Service, each a whole word of the cluster's name: what is measured is
what the gateway saw, connection failures included.
"""

from .model import Ready

_ELSE = "[^a-z0-9-]"  # what no name has in it
_OF = f'envoy_cluster_name=~"(.*{_ELSE})?{{{{ namespace }}}}{_ELSE}(.*{_ELSE})?{{{{ deployment }}}}({_ELSE}.*)?"'

QUERIES = Ready(
    of="requests that the gateway's Envoy has sent on",
    requests=f"sum(increase(envoy_cluster_upstream_rq_total{{{_OF}}}[{{{{ interval }}}}]))",
    errors=f'sum(increase(envoy_cluster_upstream_rq_xx{{{_OF}, envoy_response_code_class="5"}}[{{{{ interval }}}}]))',
    latency=f"sum by (le) (increase(envoy_cluster_upstream_rq_time_bucket{{{_OF}}}[{{{{ interval }}}}]))",
    seconds=1000.0,
)
