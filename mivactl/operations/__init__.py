"""One file per verb: plain values in, plain values out."""
