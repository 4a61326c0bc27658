"""The names of databases, tables and columns that feedpulse accepts: they need no quotes in SQL."""

import re

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RULE = "letters, digits and underscores, not beginning with a digit"
"""The same in words, for error texts."""
