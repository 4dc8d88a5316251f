"""Trains the weights of one adapter on a frozen base."""
