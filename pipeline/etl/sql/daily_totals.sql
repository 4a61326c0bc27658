SELECT toDate(%(date)s), total.1, total.2, total.3
FROM (
    SELECT arrayJoin([{totals}]) AS total
    FROM {user_day}
    WHERE event_date = toDate(%(date)s)
)
