-- On how many days since a time runs said that they could not do something.
SELECT uniqExact(toDate(began, 'UTC')) AS days
FROM {runs}
WHERE began >= toDateTime(%(since)s, 'UTC') AND position(did, %(did)s) > 0
