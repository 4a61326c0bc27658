"""The alerts: checks the numbers of each slot, tracks incidents and notifies people."""
