"""Batches as the lines that a role writes."""

import json

from telegraf_osquery.model.batch import Batch
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows
from telegraf_osquery.runtime.formats import encoder
from telegraf_osquery.telemetry.counters import Counters

TEXTS = ("plain", "two\nlines", "\n", 'a "quoted\n" one', "m a=1i 1\n")


def batch() -> Batch:
    columns = (Column("text"), Column("ratio", "double"), Column("size", "unsigned"))
    cells = [TEXTS, (1.5, float("nan"), 2.5, float("inf"), None), (1, 2, 3, 2**64 - 1, None)]
    return Batch("osquery_p_q", (("host", "h"),), columns, Rows(cells), 10, range(5))


def test_one_item_per_point_and_each_ends_in_a_newline() -> None:
    """Also where a text keeps its line feeds: pipes and pacers count in points."""
    for newline in ("escape", "space", "keep"):
        lines = encoder("influx", newline, "i", Counters())(batch())  # type: ignore[arg-type]
        assert len(lines) == 5
        assert all(line.startswith(b"osquery_p_q,host=h ") for line in lines)
        assert [line.endswith(b" %d\n" % (10 + i)) for i, line in enumerate(lines)] == [True] * 5


def test_kept_line_feeds_are_inside_their_point() -> None:
    """Exactly as they came."""
    lines = encoder("influx", "keep", "i", Counters())(batch())
    assert b'text="two\nlines"' in lines[1]
    assert b'text="m a=1i 1\n"' in lines[4]


def test_what_does_not_fit_is_counted() -> None:
    """NaN and infinity are left out, a number beyond int64 is written beside itself."""
    counters = Counters()
    encoder("influx", "escape", "i", counters)(batch())
    counted = {name: n for name, n in counters.snapshot().items() if n}
    assert counted == {"values_dropped_not_finite": 2, "values_changed": 1}


def test_json_is_one_document_per_line() -> None:
    """With every text on its line."""
    lines = encoder("json", "escape", "i", Counters())(batch())
    assert len(lines) == 5
    documents = [json.loads(line) for line in lines]
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    assert "two\nlines" in json.dumps(documents[1]).replace("\\n", "\n")
