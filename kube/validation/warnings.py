"""What the API server takes, and warns of, in its own words. (What strict decoding warns of is the codec's.)"""

from __future__ import annotations

import base64
import binascii

from ..objects import Kind, Obj, is_namesake


def of(kind: Kind, obj: Obj) -> list[str]:
    if is_namesake(kind.api_version, kind.name):
        return []
    if kind.name == "StatefulSet" and (obj["spec"].get("revisionHistoryLimit") or 0) < 0:
        return ["spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"]
    if kind.name == "Secret" and obj.get("type") == "kubernetes.io/tls":
        return _pair(obj.get("data") or {})
    return []


def _pair(data: Obj) -> list[str]:
    """Only that there is a certificate and a key at all: as far as one can see without a library for them."""
    for key, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        try:
            text = base64.b64decode(data.get(key, ""))
        except binascii.Error:
            return []
        if b"-----BEGIN " not in text:
            return [f"tls: failed to find any PEM data in {what} input"]
    return []
