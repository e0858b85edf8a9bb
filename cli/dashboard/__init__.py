"""`deploy dashboard`: one page on loopback, over the same use cases and documents as the verbs.

guard    who may ask: pure
feeds    what is seen, as it changes
acting   plans, and carrying one out that somebody has read
server   the HTTP around them
"""

from __future__ import annotations
