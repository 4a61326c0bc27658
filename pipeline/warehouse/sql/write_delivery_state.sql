-- The time is that of the database: machines compare it.
INSERT INTO {delivery_state} (message_key, channel, address, item, state, version, at)
SELECT %(key)s, %(channel)s, %(address)s, item, state, version, now()
FROM (SELECT 1 AS one)
ARRAY JOIN %(items)s AS item, %(states)s AS state, %(versions)s AS version
