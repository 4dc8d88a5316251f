"""What adapters cost, counted from shapes without weights: parameters, operations of a step, bytes of training."""
