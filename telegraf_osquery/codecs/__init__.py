"""Batches and rows as bytes, and back. Pure functions: no clock, no files, no threads."""
