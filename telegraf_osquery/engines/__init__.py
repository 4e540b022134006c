"""Engines answer SQL when asked: socket, process, embedded."""
