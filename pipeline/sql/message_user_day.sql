-- Per user the messages received and sent, from how many users and to how many.
-- Each distinct (sender, recipient) pair is built once and counted at both its ends: 1 is the sender's, 0 the recipient's.
SELECT
    toDate(%(date)s),
    if(end_ = 1, {sender}, {recipient}) AS person,
    sumIf(messages, end_ = 0),
    sumIf(messages, end_ = 1),
    countIf(end_ = 0),
    countIf(end_ = 1)
FROM (
    SELECT {pair} AS pair, count() AS messages, arrayJoin([0, 1]) AS end_
    FROM {messages}
    WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
    GROUP BY pair
)
GROUP BY person
