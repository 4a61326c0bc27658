-- A table's parts, also those that are replaced and not yet deleted.
SELECT partition_id, min_block_number, max_block_number, level, active, rows
FROM system.parts
WHERE database = %(database)s AND table = %(table)s
