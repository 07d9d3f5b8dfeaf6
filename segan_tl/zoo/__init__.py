"""Trained networks that come along: a folder each, like a run's, and what finds and describes them."""
