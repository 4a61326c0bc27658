-- Per user the messages received and sent, from how many users and to how many.
-- Each distinct (sender, recipient) pair is built once and counted at both its ends.
SELECT
    toDate(%(date)s),
    if(side = 'sent', sender, recipient) AS person,
    sumIf(messages, side = 'received'),
    sumIf(messages, side = 'sent'),
    countIf(side = 'received'),
    countIf(side = 'sent')
FROM (
    SELECT
        toUInt64(ifNull(user_id, 0)) AS sender,
        toUInt64(ifNull({recipient}, 0)) AS recipient,
        count() AS messages,
        arrayJoin(['sent', 'received']) AS side
    FROM {messages}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    GROUP BY sender, recipient
)
GROUP BY person
