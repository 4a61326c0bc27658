-- Databases that have tables of these names, those with most of them first.
SELECT database, groupUniqArray(table) AS found FROM system.columns
WHERE table IN %(tables)s AND name = 'user_id'
GROUP BY database ORDER BY length(found) DESC, database LIMIT 100
