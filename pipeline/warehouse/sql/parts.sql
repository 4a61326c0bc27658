-- A table's parts, including replaced ones that are not deleted yet.
SELECT partition_id, min_block_number, max_block_number, level, active, rows
FROM system.parts
WHERE database = %(database)s AND table = %(table)s
