-- Per user the messages received and sent, from how many users and to how many, and the greatest value of each attribute
-- in the rows that he sent.
-- Each distinct (sender, recipient) pair is built once and counted at both its ends: 1 is the sender's, 0 the recipient's.
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
        WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
        GROUP BY pair
    )
    UNION ALL
    -- No row, but a second stream: what an old server groups of one alone, it sends as one block, however large.
    SELECT toUInt64(0) AS person, toUInt8(0) AS end_, toUInt64(0) AS messages, {greatest_of_nobody} WHERE 0
)
GROUP BY person
