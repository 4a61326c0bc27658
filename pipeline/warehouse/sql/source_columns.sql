-- The columns of tables with their types, and each table's engine as the type of a column without a name.
SELECT table, name, type FROM system.columns WHERE database = %(database)s AND table IN %(tables)s
UNION ALL
SELECT name AS found_table, '' AS no_name, engine FROM system.tables
WHERE database = %(database)s AND name IN %(tables)s
