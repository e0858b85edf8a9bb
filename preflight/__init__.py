"""Rules that find a release which would lose requests or get stuck, before it does. Pure: it reads no file and no cluster."""

from __future__ import annotations

from .examine import findings
from .model import Finding, Rule, Severity
from .patch import fixed

__all__ = ["Finding", "Rule", "Severity", "findings", "fixed"]
