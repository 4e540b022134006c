"""Packs are judged before they are rolled out: ``check`` finds, ``rules`` explains."""
