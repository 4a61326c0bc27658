-- Incidents of slots of which people were told: the id of an incident of days ends with a date.
SELECT uniqExact(incident_id) FROM {incidents}
WHERE notified = 1 AND opened >= toDateTime(%(start)s, 'UTC') AND opened < toDateTime(%(end)s, 'UTC')
    AND incident_id LIKE '%%T____'
