"""Is this slot normal? Every monitored metric and slice against a detector."""
