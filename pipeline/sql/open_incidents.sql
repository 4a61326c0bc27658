-- The newest state before a slot of every incident that had not ended by then.
SELECT incident_id, metric, opened, last_anomaly, good_slots, notified
FROM (
    SELECT * FROM {incidents} FINAL
    WHERE slot < toDateTime(%(slot)s, 'UTC')
    ORDER BY incident_id, slot DESC
    LIMIT 1 BY incident_id
)
WHERE state = 'open'
