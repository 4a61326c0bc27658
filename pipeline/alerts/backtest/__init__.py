"""The alerts over history: `replay.replay`, `proposals.propose` and `tuning.tune`."""
