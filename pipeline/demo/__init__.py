"""Demo events: both source tables, made up from a seed, with labelled incidents."""
