SELECT max(update_number) FROM {incident_actions} WHERE channel = %(channel)s
