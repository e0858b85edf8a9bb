"""`python -m rollway`: the same as `deploy`."""

from __future__ import annotations

import sys

from rollway.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
