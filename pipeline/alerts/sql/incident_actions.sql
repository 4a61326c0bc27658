-- Presses of buttons that were applied, and mutes of metrics by command. A warehouse of an earlier release has no columns
-- for the latter.
SELECT incident_id, action, person, at, {metric} AS muted_metric, {until} AS muted_until, {why} AS reason
FROM {incident_actions} FINAL
WHERE (incident_id != '' OR muted_metric != '')
    AND at >= toDateTime(%(start)s, 'UTC') AND at <= toDateTime(%(until)s, 'UTC')
ORDER BY at, update_number
