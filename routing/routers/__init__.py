"""What splits requests, one file each, and their one table."""

from __future__ import annotations

from ..router import Router
from .istio import Istio

ROUTERS: tuple[type[Router], ...] = (Istio,)
