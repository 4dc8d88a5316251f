"""Base models: frozen text-to-video denoisers with their autoencoders, behind one protocol."""
