"""Comparing detectors offline: how well, how early and how noisily they find labelled incidents."""
