"""`deploy dashboard`: one page on loopback, over the same use cases and documents as the verbs.

guard      who may ask: pure
documents  the verbs' documents, with their words
feeds      what a tab is told, as it changes
acting     plans, and carrying one out that somebody has read
server     the HTTP around them
"""

from __future__ import annotations
