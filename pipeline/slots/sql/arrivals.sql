-- What was counted of each slot, by source table. Times are numbers of quarters of an hour since 1970: when the slot was
-- first counted, first counted with rows (0 for never), last changed within two hours of that, and last changed. Then its
-- newest count. Slots before `recent` that had rows at their end and never changed are one row a table, with slot 0; the
-- last column is the number of slots of a row. Counts of a clock that was ahead are left out.
SELECT source_table, if(seen = quarter + 1 AND counted = seen AND changed = seen AND quarter < %(recent)s, 0, quarter) AS at,
    min(counted), min(seen), min(grown), min(changed), max(newest), count()
FROM (
    SELECT source_table, intDiv(toUInt32(slot), 900) AS quarter,
        intDiv(min(toUInt32(counted_at)), 900) AS counted,
        minIf(toUInt32(counted_at), rows > 0) AS seen_seconds,
        intDiv(seen_seconds, 900) AS seen,
        groupArrayIf(toUInt32(counted_at), rows > 0) AS counts,
        intDiv(arrayReduce('max', arrayFilter(x -> x <= seen_seconds + 7200, counts)), 900) AS grown,
        intDiv(maxIf(toUInt32(counted_at), rows > 0), 900) AS changed,
        argMax(rows, counted_at) AS newest
    FROM {slot_counts} FINAL
    WHERE slot >= toDateTime(%(start)s, 'UTC') AND counted_at <= toDateTime(%(until)s, 'UTC')
    GROUP BY source_table, slot
)
GROUP BY source_table, at
