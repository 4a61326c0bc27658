SELECT DISTINCT incident_id FROM {incidents} WHERE incident_id IN %(incident_ids)s
