"""How good the starter adapters are, measured on generated clips: `python -m engine.pretraining.quality`."""
