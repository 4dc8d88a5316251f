"""A generator of clips with exact masks and flow: pictures, things in them that can move, and cameras."""
