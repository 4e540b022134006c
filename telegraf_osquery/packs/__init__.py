"""Packs: what to ask, how often, and what the answer's columns mean."""
