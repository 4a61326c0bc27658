"""Reads series from CSV files and DataFrames as people have them; what is assumed is said, what is unclear is refused.

`tables.read` returns the rows of each series. `detectors.lab.readers` lays them on a grid. Nothing is imported here,
because pandas is slow to import.
"""
