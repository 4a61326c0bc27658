-- Per user: messages received and sent, distinct senders and recipients, and the greatest value of each attribute in
-- the messages sent.
-- Each distinct (sender, recipient) pair is built once and counted at both ends: end_ is 1 for the sender, 0 for the
-- recipient.
SELECT
    toDate(%(date)s),
    person,
    sumIf(messages, end_ = 0),
    sumIf(messages, end_ = 1),
    countIf(end_ = 0),
    countIf(end_ = 1),
    {greatest_of_sender}
FROM (
    SELECT if(end_ = 1, {sender}, {recipient}) AS person, end_, messages, {greatest_names}
    FROM (
        SELECT {pair} AS pair, count() AS messages, {greatest}, arrayJoin([0, 1]) AS end_
        FROM {messages}
        WHERE {time} >= toDateTime(%(start)s, 'UTC') AND {time} < toDateTime(%(end)s, 'UTC')
        GROUP BY pair
    )
    UNION ALL
    -- Adds no rows, only a second stream: old servers send all groups of a single stream as one block of any size.
    SELECT toUInt64(0) AS person, toUInt8(0) AS end_, toUInt64(0) AS messages, {greatest_of_nobody} WHERE 0
)
GROUP BY person
