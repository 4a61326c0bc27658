-- For how many seconds after a slot's end its rows were still seen to grow, in 99 of 100 slots; and of how many slots
-- that is known. A slot that was first counted late tells nothing, and what came after two hours was no lag: it was not
-- loaded at all.
SELECT source_table, toUInt32(quantileExact(0.99)(lag)), count()
FROM (
    SELECT source_table, slot, if(count() > 1, toInt64(maxIf(counted_at, toInt64(counted_at) - toInt64(slot) <= 8100)) - toInt64(slot) - 900, 0) AS lag
    FROM {slot_counts} FINAL
    WHERE slot >= toDateTime(%(start)s, 'UTC')
    GROUP BY source_table, slot
    HAVING toInt64(min(counted_at)) - toInt64(slot) < 1800
)
GROUP BY source_table
