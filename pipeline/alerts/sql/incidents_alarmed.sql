SELECT uniqExact(incident_id) FROM {incidents}
WHERE notified = 1 AND opened >= toDateTime(%(start)s, 'UTC') AND opened < toDateTime(%(end)s, 'UTC')
