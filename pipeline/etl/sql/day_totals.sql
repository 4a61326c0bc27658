SELECT event_date, metric, numerator, denominator
FROM {daily_totals}
WHERE event_date BETWEEN toDate(%(first)s) AND toDate(%(last)s) AND metric IN %(metrics)s
