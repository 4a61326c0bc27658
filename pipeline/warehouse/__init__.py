"""The warehouse: our tables in a ClickHouse engine, the source of events, atomic publishing and completion markers.

`engines` runs SQL on a server or embedded. `tables.open_warehouse` returns the engine that holds our tables, and
`source.source` the tables of events. `statements` reads SQL from files. `publish` replaces a partition as a whole.
`markers` records which loads are done.
"""
