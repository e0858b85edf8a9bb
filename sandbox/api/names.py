"""Generated names, in the alphabet that Kubernetes uses so that no words come out."""

from __future__ import annotations

import hashlib
import json
from random import Random
from typing import Any

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def suffix(random: Random, length: int = 5) -> str:
    return "".join(random.choices(ALPHABET, k=length))


def template_hash(template: Any, collisions: int = 0) -> str:
    """The pod-template-hash: the same for equal templates; another one for each collision counted."""
    text = json.dumps([template, collisions], sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(number))
