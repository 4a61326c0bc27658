-- Of some rows of a span of time: those with an age, and those whose age is a year of birth.
SELECT countIf(known_age > 0), countIf(known_age >= %(least)s AND known_age <= %(most)s)
FROM (
    SELECT ifNull(toInt64({age}), 0) AS known_age FROM {source}
    WHERE {time} >= toDateTime(%(start)s, 'UTC') AND {time} < toDateTime(%(end)s, 'UTC')
    LIMIT 10000
)
