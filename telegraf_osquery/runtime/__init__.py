"""Processes: streams, signals, lanes, supervision, and the roles that run on them."""
