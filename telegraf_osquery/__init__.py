"""osquery for Telegraf: typed, complete, quiet, provably delivered."""

VERSION = "0.1.0"
