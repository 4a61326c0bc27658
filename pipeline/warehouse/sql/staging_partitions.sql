SELECT table, partition_id, any(partition), toUInt32(max(modification_time))
FROM system.parts
WHERE active AND database = %(database)s AND table IN %(tables)s
GROUP BY table, partition_id
