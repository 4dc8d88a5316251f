"""The commands: parse, call one operation, print. The only place that knows typer and rich."""
