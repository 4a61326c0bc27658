-- The partitions of a table before a month. The condition is monotonic in the column, so only these are read.
SELECT DISTINCT toYYYYMM({moment}) AS month FROM {table} WHERE toYYYYMM({moment}) < %(month)s ORDER BY month
