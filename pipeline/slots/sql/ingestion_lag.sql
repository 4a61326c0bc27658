-- By source table: how many seconds after its end a slot still received rows, in 99 of 100 slots; and the number of
-- slots. Slots whose first count was late are left out. Growth after more than two hours is ignored: it is an outage of
-- the loading, not lag.
SELECT source_table, toUInt32(quantileExact(0.99)(lag)), count()
FROM (
    SELECT source_table, slot, if(count() > 1, toInt64(maxIf(counted_at, toInt64(counted_at) - toInt64(slot) <= 8100)) - toInt64(slot) - 900, 0) AS lag
    FROM {slot_counts} FINAL
    WHERE slot >= toDateTime(%(start)s, 'UTC') AND counted_at <= toDateTime(%(until)s, 'UTC')
    GROUP BY source_table, slot
    HAVING toInt64(min(counted_at)) - toInt64(slot) < 1800
)
GROUP BY source_table
