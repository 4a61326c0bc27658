-- Per user the messages received and sent, from how many users and to how many, and the greatest value of each attribute
-- in the rows that he sent.
-- Grouped, not joined: a server sends what it groups in blocks of bounded size, and what it joins in one of any.
-- Each distinct (sender, recipient) pair is built once and counted at both its ends: 1 is the sender's, 0 the recipient's.
SELECT toDate(%(date)s), person, sum(received), sum(sent), sum(from_users), sum(to_users), {greatest_of_both}
FROM (
    SELECT
        if(end_ = 1, {sender}, {recipient}) AS person,
        sumIf(messages, end_ = 0) AS received,
        sumIf(messages, end_ = 1) AS sent,
        countIf(end_ = 0) AS from_users,
        countIf(end_ = 1) AS to_users,
        {no_attributes}
    FROM (
        SELECT {pair} AS pair, count() AS messages, arrayJoin([0, 1]) AS end_
        FROM {messages}
        WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
        GROUP BY pair
    )
    GROUP BY person
    UNION ALL
    SELECT
        toUInt64(ifNull(user_id, 0)) AS person,
        toUInt64(0) AS received,
        toUInt64(0) AS sent,
        toUInt64(0) AS from_users,
        toUInt64(0) AS to_users,
        {greatest}
    FROM {messages}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    GROUP BY ifNull(user_id, 0)
)
GROUP BY person
