"""feedpulse: Luigi tasks over ClickHouse events."""
