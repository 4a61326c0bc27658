"""Finds the slices that explain an incident."""
