"""One JSON document per line."""

import json

import pytest
from hypothesis import given, settings

from telegraf_osquery.codecs import json_lines
from telegraf_osquery.errors import CodecError
from telegraf_osquery.model.batch import ROWS_MAX, Batch
from telegraf_osquery.model.run import RunEnd, as_batch
from tests.codecs.batches import BASE, batch, plain_batches, table


def test_the_shape_of_a_document() -> None:
    """Numbers stay what they are, texts are not changed, the time is in ns."""
    made = batch(
        {
            "host": ("text", ["x\ny"]),
            "name": ("text", ["a\\"]),
            "big": ("integer", [2**63 - 1]),
            "whole": ("double", [3]),
            "none": ("integer", [None]),
        },
        tags=["name"],
    )
    assert json_lines.encode(made) == (
        b'{"name":"osquery_main_q","tags":{"host":"web-1","name":"a\\\\"},'
        b'"fields":{"column_host":"x\\ny","big":9223372036854775807,"whole":3.0},'
        b'"timestamp":%d}\n' % BASE
    )


@settings(max_examples=150, deadline=None)
@given(plain_batches())
def test_what_was_encoded_comes_back(made: Batch) -> None:
    """Measurement, envelope, times and cells; only the type ``unsigned`` is not in the text."""
    tags = {column.name for column in made.columns if column.tag}
    (item,) = json_lines.decode(json_lines.encode(made), tags)
    assert isinstance(item, Batch)
    assert (item.measurement, item.tags, item.times()) == (
        made.measurement,
        made.tags,
        made.times(),
    )
    expected = {name: (tag, cells) for name, (_, tag, cells) in table(made).items()}
    assert {name: (tag, cells) for name, (_, tag, cells) in table(item).items()} == expected


def test_a_change_of_type_begins_a_new_batch() -> None:
    """As does another name, another envelope, and the cap."""
    line = b'{"name":"m","fields":{"a":%b},"timestamp":1}\n'
    items = json_lines.decode(b"".join(line % value for value in (b"1", b"2.0", b'"x"', b"true")))
    assert [len(item.rows) for item in items if isinstance(item, Batch)] == [1, 1, 1, 1]
    many = json_lines.decode(line % b"1" * (ROWS_MAX + 1))
    assert [len(item.rows) for item in many if isinstance(item, Batch)] == [500, 1]


def test_run_ends_come_as_such() -> None:
    """A foreign metric of that name stays a batch."""
    end = RunEnd(
        host="h", pack="p", query="q", run=1, base=5, rows=2, span=2, rows_total=2, outcome="ok",
        time=7,
    )  # fmt: skip
    assert json_lines.decode(json_lines.encode(as_batch(end))) == [end]
    foreign = b'{"name":"osquery_run","fields":{"x":1},"timestamp":1}'
    assert isinstance(json_lines.decode(foreign)[0], Batch)


def test_what_json_cannot_hold() -> None:
    """Lone surrogates are replaced, doubles that are not finite left out."""
    made = batch({"a": ("text", ["x\ud800"]), "b": ("double", [float("inf")])})
    assert json.loads(json_lines.encode(made))["fields"] == {"a": "x�"}


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b'{"name":"m"}', b'{"name":"m","fields":{"a":[]},"timestamp":1}', b'"\xff"'],
)
def test_other_documents_are_refused_with_their_line(line: bytes) -> None:
    """The message has line, fault, what was found and what was expected."""
    good = b'{"name":"m","fields":{"a":1},"timestamp":1}\n\n'
    with pytest.raises(CodecError, match=r"line 3: .*, found .*, expected one document") as caught:
        json_lines.decode(good + line)
    assert caught.value.line == 3


def test_nothing_gives_nothing() -> None:
    """No rows, no lines, and the other way round."""
    assert json_lines.encode(batch({"a": ("integer", [])})) == b""
    assert json_lines.decode(b"\n") == []
