"""Linkerd's proxy metrics (linkerd.io: "Proxy metrics")."""

from .model import Ready

_OF = 'direction="inbound", namespace="{{ namespace }}", deployment="{{ deployment }}", pod=~"{{ pods }}"'

QUERIES = Ready(
    of="requests that Linkerd's proxies of the pods have answered",
    requests=f"sum(increase(response_total{{{_OF}}}[{{{{ interval }}}}]))",
    errors=f'sum(increase(response_total{{{_OF}, classification="failure"}}[{{{{ interval }}}}]))',
    latency=f"sum by (le) (increase(response_latency_ms_bucket{{{_OF}}}[{{{{ interval }}}}]))",
    seconds=1000.0,
)
