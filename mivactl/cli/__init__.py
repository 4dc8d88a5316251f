"""The commands: parse, call one operation, print. The only place that knows typer and rich."""

import os

# pydantic would look through all installed packages for plugins of its own, a twentieth of a command's start
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
