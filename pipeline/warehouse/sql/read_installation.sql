-- The record, and the server's clock as the item ''.
SELECT item, value FROM {installation} FINAL
UNION ALL
SELECT '' AS item, toString(toUInt64(toUnixTimestamp(now()))) AS value
