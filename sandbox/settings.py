"""What the sandbox was told about itself; kept in its state directory for its next start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from .durations import Lag


class Settings(NamedTuple):
    """`endpoint_lag`: how far the proxy is behind the API. `lb_lag`: how long the load balancer for Ingresses takes to register
    and deregister a pod; None: there is none but the proxy. `ingress_port`: None: 8080 or another; 0: any that is free.
    `processes`: whether pods may be processes of this machine. `lb_leave_lag`: how long deregistering takes; None: as `lb_lag`.
    `nodes`: how many there are; None: those that are there, or one.
    """

    endpoint_lag: Lag = Lag()
    lb_lag: Lag | None = None
    ingress_port: int | None = None
    processes: bool = True
    lb_leave_lag: Lag | None = None
    nodes: int | None = None

    def changed(self, **changes: Any) -> Settings:
        """With what is given; None is not. A load balancer without lag is none."""
        changed = self._replace(**{key: value for key, value in changes.items() if value is not None})
        return changed._replace(lb_lag=changed.lb_lag if changed.lb_lag and changed.lb_lag.high_s else None)


def load(state_dir: Path) -> Settings:
    try:
        known = json.loads((state_dir / "settings.json").read_text())
    except FileNotFoundError:
        return Settings()
    lags = {key: Lag(*known[key]) for key in ("endpoint_lag", "lb_lag", "lb_leave_lag") if known.get(key)}
    return Settings(**{key: value for key, value in (known | lags).items() if key in Settings._fields})


def save(state_dir: Path, settings: Settings) -> None:
    fresh = state_dir / "settings.json.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(settings._asdict()))
    fresh.replace(state_dir / "settings.json")
