"""The words of the status page, one file per language. What every name means is said in `reporting.status.words`."""
