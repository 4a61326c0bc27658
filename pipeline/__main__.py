"""``python -m pipeline``: the same commands as ``feedpulse``."""

import sys

from pipeline.commands.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
