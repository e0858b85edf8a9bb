"""An application's own histogram of its requests, by the name that most client libraries give it."""

from .model import Ready

_OF = 'namespace="{{ namespace }}", pod=~"{{ pods }}"'

QUERIES = Ready(
    of="requests that the application has counted itself",
    requests=f"sum(increase(http_request_duration_seconds_count{{{_OF}}}[{{{{ interval }}}}]))",
    errors=f'sum(increase(http_request_duration_seconds_count{{{_OF}, code=~"5.."}}[{{{{ interval }}}}]) or '
    f'increase(http_request_duration_seconds_count{{{_OF}, status=~"5.."}}[{{{{ interval }}}}]))',
    latency=f"sum by (le) (increase(http_request_duration_seconds_bucket{{{_OF}}}[{{{{ interval }}}}]))",
)
