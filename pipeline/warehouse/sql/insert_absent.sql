-- All rows of a scratch table, or none if the partition has rows already.
INSERT INTO {table} ({columns})
SELECT {columns} FROM {scratch}
WHERE (SELECT count() FROM {table} WHERE {condition}) = 0
