-- Per user the views and likes of a day, and the greatest value of each attribute in his rows.
-- A NULL user is user 0; an unknown action (or none) is an event and neither. Ids are widened after they are grouped: a
-- narrow key is cheaper to group by.
SELECT
    toDate(%(date)s),
    toUInt64(ifNull(user_id, 0)),
    count(),
    ifNull(sum(action = 'view'), 0),
    ifNull(sum(action = 'like'), 0),
    {greatest}
FROM {feed}
WHERE time >= toDateTime(%(start)s, 'UTC') AND time < toDateTime(%(end)s, 'UTC')
GROUP BY ifNull(user_id, 0)
