"""Kinds of registries, each held to the same contract."""
