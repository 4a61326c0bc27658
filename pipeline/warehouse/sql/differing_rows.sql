-- How many different rows occur more often in the scratch table or in the partition than in the other.
SELECT count()
FROM (
    SELECT {columns}
    FROM (
        SELECT {columns}, toInt8(1) AS sign FROM {scratch}
        UNION ALL
        SELECT {columns}, toInt8(-1) AS sign FROM {table} WHERE {condition}
    )
    GROUP BY {columns}
    HAVING sum(sign) != 0
)
