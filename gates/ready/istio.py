"""Istio's standard metrics, as the server's proxy reports them (istio.io: "Istio Standard Metrics")."""

from .model import Ready

_OF = 'reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload="{{ deployment }}"'
_POD = 'pod=~"{{ pods }}"'

QUERIES = Ready(
    of="requests that Istio's proxies of the pods have answered",
    requests=f"sum(increase(istio_requests_total{{{_OF}, {_POD}}}[{{{{ interval }}}}]))",
    errors=f'sum(increase(istio_requests_total{{{_OF}, {_POD}, response_code=~"5.."}}[{{{{ interval }}}}]))',
    latency=f"sum by (le) (increase(istio_request_duration_milliseconds_bucket{{{_OF}, {_POD}}}[{{{{ interval }}}}]))",
    seconds=1000.0,
)
