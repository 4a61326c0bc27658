"""The alerts over history: replay, proposals and tuning.

The entries are `replay.replay`, `proposals.propose` and `tuning.tune`; each is imported where it is used, because they
are slow to import.
"""
