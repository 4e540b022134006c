"""Connections to other processes and hosts."""
