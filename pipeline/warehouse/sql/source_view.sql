CREATE VIEW {view} AS SELECT {columns} FROM {table} AS e
