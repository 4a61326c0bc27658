-- A row for each incident, as it is now. worst: the greatest deviation of one slot or day, of its metrics in total, or of
-- its slices if no metric deviates in total; -0.5 is half of what was expected. They are read from the JSON in details;
-- what was told and corrected later comes behind silent_since.
CREATE VIEW IF NOT EXISTS {view}
AS SELECT
    incident_id, metric, opened, last_anomaly, state, outcome, notified, taken_by,
    arrayElement(arraySort(x -> -abs(x), if(empty(of_totals), of_members, of_totals)), 1) AS worst
FROM (
    SELECT
        incident_id, metric, opened, last_anomaly, state, outcome, notified,
        arrayMap(
            (x, y) -> if(toFloat64OrZero(y) > 0, toFloat64OrZero(x) / toFloat64OrZero(y) - 1, 0),
            extractAll(members, '"worst_value": ([-+.0-9a-zA-Z]+)'),
            extractAll(members, '"worst_expected": ([-+.0-9a-zA-Z]+)')
        ) AS of_members,
        arrayMap(
            (x, y) -> if(toFloat64OrZero(y) > 0, toFloat64OrZero(x) / toFloat64OrZero(y) - 1, 0),
            extractAll(members, '"dimension": "total", "value": "all", [^}]*"worst_value": ([-+.0-9a-zA-Z]+)'),
            extractAll(members, '"dimension": "total", "value": "all", [^}]*"worst_expected": ([-+.0-9a-zA-Z]+)')
        ) AS of_totals
    FROM (
        SELECT
            incident_id, metric, opened, last_anomaly, state, outcome, notified,
            substring(details, 1, position(details, '"silent_since"')) AS members
        FROM {incidents} FINAL
        WHERE details != ''
        ORDER BY incident_id, slot DESC
        LIMIT 1 BY incident_id
    )
)
ANY LEFT JOIN (
    SELECT incident_id, arrayStringConcat(arraySort(groupUniqArray(person)), ', ') AS taken_by
    FROM {incident_actions} FINAL
    WHERE action = 'acknowledge' AND incident_id != ''
    GROUP BY incident_id
) USING incident_id
