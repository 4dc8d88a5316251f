"""Bytes over the network: a small HTTP client, and downloads that go on where they stopped."""
