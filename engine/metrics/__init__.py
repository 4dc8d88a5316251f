"""What can be measured of a clip, one metric in a file."""
