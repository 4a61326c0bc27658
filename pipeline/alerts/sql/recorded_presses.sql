SELECT channel, update_number, action, incident_id, person, at FROM {incident_actions} FINAL
WHERE channel IN %(channels)s AND update_number IN %(numbers)s
