"""The ClickHouse engines, our tables in them, the source of events, completion markers and atomic publishing."""
