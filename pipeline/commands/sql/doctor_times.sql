-- Rows, rows without a time, rows outside of plausible times, and the newest plausible time.
SELECT
    count(),
    countIf(isNull(time)),
    countIf(ifNull(toInt64(toUnixTimestamp(time)), %(least)s) < %(least)s),
    countIf(ifNull(toInt64(toUnixTimestamp(time)), 0) > %(most)s),
    max(if(ifNull(toInt64(toUnixTimestamp(time)), 0) > %(most)s, 0, ifNull(toInt64(toUnixTimestamp(time)), 0)))
FROM {table}
