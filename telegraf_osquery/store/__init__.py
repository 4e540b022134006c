"""The state file of a process: one SQLite file, opened through apsw, owned through a lock."""
