-- Rows, rows without a time, rows outside of plausible times, the oldest and newest plausible time (0 if none), rows of
-- the plausible times' last day, and the number and the newest of rows up to a day later than plausible.
SELECT
    count(),
    countIf(isNull(moment)),
    countIf(moment < %(least)s),
    countIf(moment > %(most)s),
    minIf(ifNull(moment, 0), moment >= %(least)s AND moment <= %(most)s),
    maxIf(ifNull(moment, 0), moment >= %(least)s AND moment <= %(most)s),
    countIf(moment > %(most)s - 86400 AND moment <= %(most)s),
    countIf(moment > %(most)s AND moment <= %(most)s + 86400),
    maxIf(ifNull(moment, 0), moment > %(most)s AND moment <= %(most)s + 86400)
FROM (SELECT toInt64(toUnixTimestamp({time})) AS moment FROM {table})
