"""ingress-nginx's controller (its documentation: "Exposed metrics"): by the Service that an Ingress names, so a side needs one of
its own."""

from .model import Ready

_OF = 'exported_namespace="{{ namespace }}", exported_service="{{ deployment }}"'

QUERIES = Ready(
    of="requests that ingress-nginx has sent on",
    requests=f"sum(increase(nginx_ingress_controller_requests{{{_OF}}}[{{{{ interval }}}}]))",
    errors=f'sum(increase(nginx_ingress_controller_requests{{{_OF}, status=~"5.."}}[{{{{ interval }}}}]))',
    latency=f"sum by (le) (increase(nginx_ingress_controller_request_duration_seconds_bucket{{{_OF}}}[{{{{ interval }}}}]))",
)
