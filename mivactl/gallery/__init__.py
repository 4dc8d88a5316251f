"""A registry as web pages: a static gallery that any web server, or no server at all, can show."""
