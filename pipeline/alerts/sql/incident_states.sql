-- All states of incidents in a slot and after it.
SELECT slot, details FROM {incidents} FINAL
WHERE slot >= toDateTime(%(slot)s, 'UTC')
ORDER BY incident_id, slot
