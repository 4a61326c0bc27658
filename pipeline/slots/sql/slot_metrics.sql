-- Metrics of the slots from `start` to `end`, in total and by slice. A slot without events has totals of zero.
-- Of a dimension with very many values (an id in place of a name) a slot keeps the most frequent ones.
-- Of the sub-slots, whose value is the minute at which they begin, a slot keeps the least and the greatest, the first of
-- equal ones. It keeps neither if one is unknown.
SELECT slot, metric, dimension, part.1 AS value, part.2 AS total, part.3 AS below, part.4 AS minute
FROM (
    SELECT slot, metric, dimension,
        minIf((events / under, begins, events, under), under > 0) AS least,
        maxIf((events / under, -begins, events, under), under > 0) AS greatest,
        if(sub_slots > 1,
            [('least', least.3, least.4, toUInt8(least.2)), ('greatest', greatest.3, greatest.4, toUInt8(-greatest.2))],
            [(slice, sum(events), max(under), toUInt8(0))]) AS parts
    FROM (
        SELECT slot, metric, dimension,
            transform(dimension, %(lengths)s, %(numbers)s, 1) AS sub_slots,
            if(sub_slots > 1, '', dimension_value) AS slice,
            toInt8OrZero(dimension_value) AS begins,
            sum(numerator) AS events,
            max(denominator) AS under
        FROM (
            {selects}
        )
        GROUP BY slot, metric, dimension, dimension_value
    )
    GROUP BY slot, metric, dimension, sub_slots, slice
    HAVING count() = sub_slots
)
ARRAY JOIN parts AS part
ORDER BY below DESC, total DESC, value
LIMIT %(most)s BY slot, metric, dimension
