-- A row for each message and address: whether it was sent, when, and when that was last tried. A time that is not known
-- is 1970-01-01.
CREATE VIEW IF NOT EXISTS {view}
AS SELECT
    message_key, channel, address,
    toUInt8(countIf(state = 'sent') > 0) AS is_sent,
    maxIf(at, state = 'pending') AS tried_at,
    maxIf(at, state = 'sent') AS sent_at,
    argMaxIf(message_id, at, state = 'sent') AS sent_as
FROM {deliveries}
GROUP BY message_key, channel, address
