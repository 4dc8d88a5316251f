"""The folder of what is installed on this machine."""
