"""A result as text in ClickHouse's formats, written here because a server's native protocol sends values only."""
