-- One row for each table, with column = '', and one for each column of the tables that are named.
SELECT name, engine_full, engine, partition_key, sorting_key, '' AS column, '' AS type, '' AS default_kind
FROM system.tables
WHERE database = %(database)s AND (name IN %(names)s OR match(name, %(scratch)s))
UNION ALL
SELECT table, '', '', '', '', name, type, default_kind
FROM system.columns
WHERE database = %(database)s AND table IN %(names)s
