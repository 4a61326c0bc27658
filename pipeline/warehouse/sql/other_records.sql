-- Tables that may be records of other installations in the database: those of the columns of create_installation.sql.
SELECT table
FROM system.columns
WHERE database = %(database)s AND table LIKE '%%installation' AND table != %(own)s
    AND (name, type) IN (('item', 'String'), ('value', 'String'), ('version', 'UInt64'))
GROUP BY table
HAVING count() = 3
