-- Metrics of the slots from `start` to `end`, in total and by slice. A slot without events has totals of zero.
SELECT slot, metric, dimension, dimension_value, sum(numerator), max(denominator)
FROM (
    {selects}
)
GROUP BY slot, metric, dimension, dimension_value
