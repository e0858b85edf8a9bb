"""`deploy version`."""

from __future__ import annotations

from ... import __version__
from ..session import Screen
from ..verb import verb


@verb()
def version(screen: Screen) -> int:
    """The version of rollway."""
    import platform

    session = screen.session()
    session.view.document({"version": __version__, "python": platform.python_version()}, f"rollway {__version__}")
    return 0
