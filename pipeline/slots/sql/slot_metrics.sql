-- Metrics of the slots from `start` to `end`, in total and by slice. A slot without events has totals of zero.
-- Of a dimension with very many values (an id in place of a name) a slot keeps the most frequent ones.
SELECT slot, metric, dimension, dimension_value, sum(numerator) AS total, max(denominator) AS below
FROM (
    {selects}
)
GROUP BY slot, metric, dimension, dimension_value
ORDER BY below DESC, total DESC, dimension_value
LIMIT %(most)s BY slot, metric, dimension
