"""The demo: events generated from a seed, with labelled incidents, and a day of them played through every task."""
