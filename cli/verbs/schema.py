"""`deploy schema`: for editors."""

from __future__ import annotations

import json

import typer

from ..verb import verb


@verb()
def schema() -> int:
    """The JSON Schema of the release file, for your editor."""
    from ...release.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0
