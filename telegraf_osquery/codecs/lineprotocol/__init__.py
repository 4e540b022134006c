"""InfluxDB line protocol as Telegraf's own parser takes it."""

from telegraf_osquery.codecs.lineprotocol.encoder import Encoded, encode
from telegraf_osquery.codecs.lineprotocol.names import EXACT_PREFIX

__all__ = ["EXACT_PREFIX", "Encoded", "encode"]
