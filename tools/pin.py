"""Pins an image's bases by digest, as its registry names them now: `python tools/pin.py [DOCKERFILE]`.

`FROM python:3-slim` becomes `FROM python:3-slim@sha256:…`, the digest of the index of all platforms; one that is there is
renewed. Nothing is written where the registry cannot be asked.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

REGISTRY = os.environ.get("REGISTRY", "https://registry-1.docker.io")
INDEXES = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
PATIENCE_S = 30
FROM = re.compile(r"^FROM (?P<image>[\w./-]+):(?P<tag>[\w.-]+)(?:@sha256:[0-9a-f]{64})?", re.MULTILINE)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(image: str, tag: str) -> str:
    """Raises OSError where the registry cannot be asked, or answers with something else."""
    name = image if "/" in image else f"library/{image}"
    request = Request(f"{REGISTRY}/v2/{name}/manifests/{tag}", method="HEAD", headers={"Accept": INDEXES})
    try:
        answer = urlopen(request, timeout=PATIENCE_S)
    except HTTPError as error:
        if error.code != 401:
            raise
        request.add_header("Authorization", f"Bearer {_token(error.headers.get('WWW-Authenticate', ''))}")
        answer = urlopen(request, timeout=PATIENCE_S)
    with answer:
        digest = str(answer.headers.get("Docker-Content-Digest", ""))
    if not DIGEST.fullmatch(digest):
        raise OSError(f"the registry names no digest of {image}:{tag}, but {digest!r}")
    return digest


def _token(challenge: str) -> str:
    """Anybody's, of whom the registry names."""
    told = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    asked = urlencode({key: told[key] for key in ("service", "scope") if key in told})
    with urlopen(f"{told.get('realm', '')}?{asked}", timeout=PATIENCE_S) as answer:
        return str(json.load(answer)["token"])


def main(words: Sequence[str]) -> int:
    path = Path(words[0] if words else "Dockerfile")
    text = path.read_text()
    try:
        known = {(image, tag): digest_of(image, tag) for image, tag in set(FROM.findall(text))}
    except (URLError, OSError, ValueError, KeyError) as error:
        print(f"{path} is as it was, as {REGISTRY} could not be asked: {error}", file=sys.stderr)
        return 1
    path.write_text(FROM.sub(lambda m: f"FROM {m['image']}:{m['tag']}@{known[m['image'], m['tag']]}", text))
    print("\n".join(f"{image}:{tag} is {digest}" for (image, tag), digest in sorted(known.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
