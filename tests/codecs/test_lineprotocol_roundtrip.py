"""Both directions together."""

from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_osquery.codecs.lineprotocol import encode
from telegraf_osquery.codecs.lineprotocol.cells import Newline
from telegraf_osquery.codecs.lineprotocol.decoder import decode
from telegraf_osquery.model.batch import Batch
from tests.codecs.batches import batch, batches, plain_batches, points, table

NEWLINES: st.SearchStrategy[Newline] = st.sampled_from(["escape", "keep", "space"])
MANY = settings(max_examples=100, deadline=None)


@MANY
@given(plain_batches())
def test_what_was_encoded_comes_back(made: Batch) -> None:
    """Measurement, envelope, times, names, types and cells, whatever bytes the cells hold."""
    tags = {column.name for column in made.columns if column.tag}
    encoded = encode(made, "keep", unsigned="u")
    decoded = decode(encoded.data, tags)
    assert (decoded.bad, encoded.left_out) == ([], 0)
    (item,) = decoded.items
    assert isinstance(item, Batch)
    assert item.times() == made.times()
    assert table(item) == table(made)
    if all(value.strip("\\") for _, value in made.tags):
        assert item.tags == made.tags


@MANY
@given(batches(), NEWLINES, st.sampled_from(["i", "u"]))
def test_every_row_is_one_valid_line(made: Batch, newline: Newline, unsigned: str) -> None:
    """Nothing is injected and nothing lost, whatever names and cells hold."""
    encoded = encode(made, newline, unsigned=unsigned)  # type: ignore[arg-type]
    decoded = decode(encoded.data)
    assert decoded.bad == []
    assert encoded.lines == len(made.rows)
    times = [time for item in decoded.items if isinstance(item, Batch) for time in item.times()]
    assert times == made.times()
    if newline != "keep":
        assert encoded.data.count(b"\n") == len(made.rows)


@MANY
@given(batches())
def test_encoding_what_was_decoded_changes_nothing(made: Batch) -> None:
    """A second way through processes adds nothing, loses nothing, renames nothing."""
    first = encode(made, "keep", unsigned="u").data
    items = decode(first).items
    second = b"".join(encode(item, "keep", unsigned="u").data for item in items)  # type: ignore[arg-type]
    assert points(decode(second).items) == points(items)


@MANY
@given(st.lists(st.text('"\\\x1e\na', max_size=4), min_size=1, max_size=6), NEWLINES)
def test_texts_keep_their_bounds(cells: list[str], newline: Newline) -> None:
    """Quotes, backslashes and the character that joins columns inside do not move a cell's end."""
    decoded = decode(encode(batch({"a": ("text", cells), "b": ("text", cells)}), newline).data)
    fold = {"escape": "\\n", "keep": "\n", "space": " "}[newline]
    (item,) = decoded.items
    assert isinstance(item, Batch)
    expected = [cell.replace("\n", fold) for cell in cells]
    assert table(item) == dict.fromkeys("ab", ("text", False, expected))
