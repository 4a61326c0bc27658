"""Checks the numbers of each slot, tracks incidents and notifies people."""
