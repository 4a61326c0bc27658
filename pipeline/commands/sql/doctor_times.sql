-- Rows, rows without a time, rows outside of plausible times, and the oldest and newest plausible time (0 if none).
SELECT
    count(),
    countIf(isNull(moment)),
    countIf(moment < %(least)s),
    countIf(moment > %(most)s),
    minIf(ifNull(moment, 0), moment >= %(least)s AND moment <= %(most)s),
    maxIf(ifNull(moment, 0), moment >= %(least)s AND moment <= %(most)s)
FROM (SELECT toInt64(toUnixTimestamp(time)) AS moment FROM {table})
