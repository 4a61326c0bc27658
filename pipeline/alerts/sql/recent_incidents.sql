-- The newest state before a slot of every incident that has a state since `start`. A state without details was withdrawn,
-- or is of an early release.
SELECT incident_id, state, details
FROM (
    SELECT incident_id, slot, state, details
    FROM (
        SELECT incident_id, slot, state, details FROM {incidents} FINAL
        WHERE slot >= toDateTime(%(start)s, 'UTC') AND slot < toDateTime(%(slot)s, 'UTC')
    )
    WHERE details != ''
    ORDER BY incident_id, slot DESC
    LIMIT 1 BY incident_id
)
ORDER BY incident_id
