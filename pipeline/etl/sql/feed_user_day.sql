-- Per user: the views and likes of a day, and the greatest value of each attribute in the user's own rows.
-- A NULL user is user 0. An unknown or NULL action counts as an event, but not as a view or like. Ids are widened after
-- grouping, because a narrow key is cheaper.
SELECT
    toDate(%(date)s),
    toUInt64(ifNull({user_id}, 0)),
    count(),
    ifNull(sum({action} = 'view'), 0),
    ifNull(sum({action} = 'like'), 0),
    {greatest}
FROM {feed}
WHERE {time} >= toDateTime(%(start)s, 'UTC') AND {time} < toDateTime(%(end)s, 'UTC')
GROUP BY ifNull({user_id}, 0)
