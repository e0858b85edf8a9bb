"""Requests at a constant rate, and what became of them: the room that sees an application as its users do.

    Target ──► Client ──► Load (open model) ──► Tally ──► Report ──► Verdict
                one request   when each is due     streaming   figures    around a release

It knows HTTP and nothing of Kubernetes.
"""

from __future__ import annotations
