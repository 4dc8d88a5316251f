"""The product people type: moves adapters about and talks to people."""

__version__ = "0.1.0"
