-- The newest run of each root between two times (later ones are of a clock that was ahead), and when its newest run with
-- the outcome ok began.
SELECT
    root,
    max(began) AS newest,
    argMax(seconds, began) AS newest_seconds,
    argMax(outcome, began) AS newest_outcome,
    argMax(did, began) AS newest_did,
    argMax(error, began) AS newest_error,
    maxIf(began, outcome = 'ok') AS newest_ok
FROM {runs}
WHERE began >= toDateTime(%(since)s, 'UTC') AND began <= toDateTime(%(until)s, 'UTC')
GROUP BY root
ORDER BY root
