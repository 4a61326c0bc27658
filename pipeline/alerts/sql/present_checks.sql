-- The latest results of slots. An early release did not store the weight: what it has of a slot's own score is the score.
SELECT
    toUInt32(toUnixTimestamp(slot)), metric, dimension, dimension_value, detector,
    value, expected, lower, upper, score, verdict,
    if(weight > 0 OR isNaN(value), slot_score, score), if(weight > 0 OR isNaN(value), weight, 1.0),
    spoke, minute, minutes, inside
FROM {slot_checks} FINAL
WHERE slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(end)s, 'UTC')
