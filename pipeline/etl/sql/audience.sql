-- Metrics of users over several days, for each day from `first` to `last`. One row a user: the days that the user was
-- active as bits of one number, and the first of them.
SELECT day, measure.1, measure.2, measure.3
FROM (
    SELECT day, [{measures}] AS measures
    FROM (
        SELECT
            toDate(%(last)s) - shown AS day,
            toInt32(first_back) - toInt32(shown) AS tenure,
            bitShiftRight(seen, shown) AS days
        FROM (
            SELECT
                user_id,
                max(back) AS first_back,
                groupBitOr(if(back < {bits}, bitShiftLeft(toUInt64(1), back), toUInt64(0))) AS seen
            FROM (
                SELECT user_id, toUInt32(toDate(%(last)s) - event_date) AS back
                FROM {active_users}
                WHERE event_date BETWEEN toDate(%(start)s) AND toDate(%(last)s)
            )
            GROUP BY user_id
        )
        ARRAY JOIN range(toUInt32(toDate(%(last)s) - toDate(%(first)s) + 1)) AS shown
    )
    WHERE tenure >= 0
    GROUP BY day
)
ARRAY JOIN measures AS measure
