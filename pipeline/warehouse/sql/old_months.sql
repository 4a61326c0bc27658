-- The months with rows before a moment. The condition is on the column itself, so only these partitions are read.
SELECT DISTINCT toYYYYMM({moment}) AS month FROM {table} WHERE {moment} < toDateTime(%(before)s, 'UTC') ORDER BY month
