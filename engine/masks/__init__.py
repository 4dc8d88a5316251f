"""Where masks come from: a file, a box or clicks, or what is recognised in a photo; and masks of whole clips."""
