"""Where adapters come from: a protocol, and one file per kind of registry."""
