SELECT incident_id, action, person, at FROM {incident_actions} FINAL
WHERE incident_id != '' AND at >= toDateTime(%(start)s, 'UTC') AND at <= toDateTime(%(until)s, 'UTC')
ORDER BY at, update_number
