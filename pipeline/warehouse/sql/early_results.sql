-- The result tables of an earlier release's markers ('' for other tables); no row if there are no markers.
SELECT DISTINCT if(update_id LIKE %(result)s, target_table, '')
FROM {table_updates}
WHERE update_id LIKE %(marker)s
