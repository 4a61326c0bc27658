-- Markers that are done and were written after a moment: by a clock that was ahead.
SELECT update_id FROM {table_updates} FINAL
WHERE update_id IN (SELECT update_id FROM {table_updates} WHERE inserted > toDateTime(%(moment)s, 'UTC'))
    AND done = 1 AND inserted > toDateTime(%(moment)s, 'UTC')
