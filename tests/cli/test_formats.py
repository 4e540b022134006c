"""The output formats, compared to the last byte on one answer that holds what is hard to print."""

import csv
import io
import json
from collections.abc import Iterator

import pytest

from telegraf_osquery.cli.formats import FORMATS, Envelope, text
from telegraf_osquery.model.column import Column
from telegraf_osquery.model.rows import Rows

ENVELOPE = Envelope("osquery_p_q", (("host", "h"), ("osquery_action", "snapshot")), 1_000)


class Answer:
    """Two chunks of typed rows."""

    columns = (
        Column("pid", "integer"),
        Column("name"),
        Column("used", "double"),
        Column("big", "unsigned"),
    )

    def __init__(self, *chunks: Rows) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[Rows]:
        return iter(self._chunks)


def answer() -> Answer:
    first = Rows([["1", "-2"], ['a "b"', "x,\n\x1b[31m"], [0.5, None], [None, 1 << 63]], digits={0})
    return Answer(first, Rows([[3], ["привет [red]"], [1e20], [7]]))


def test_json_is_one_array_with_numbers_as_numbers() -> None:
    """A JSON reader gets typed values, null where a value is absent."""
    printed = text(FORMATS["json"], answer(), ENVELOPE)
    assert printed == (
        "[\n"
        '  {"pid":1,"name":"a \\"b\\"","used":0.5,"big":null},\n'
        '  {"pid":-2,"name":"x,\\n\\u001b[31m","used":null,"big":9223372036854775808},\n'
        '  {"pid":3,"name":"привет [red]","used":1e20,"big":7}\n'
        "]\n"
    )
    assert json.loads(printed)[2] == {"pid": 3, "name": "привет [red]", "used": 1e20, "big": 7}


def test_csv_has_a_header_and_quotes_by_rfc_4180() -> None:
    """A CSV reader gets the texts back exactly; absent values are empty."""
    printed = text(FORMATS["csv"], answer(), ENVELOPE)
    assert printed == (
        "pid,name,used,big\n"
        '1,"a ""b""",0.5,\n'
        '-2,"x,\n\x1b[31m",,9223372036854775808\n'
        "3,привет [red],1e+20,7\n"
    )
    assert [row[1] for row in csv.reader(io.StringIO(printed))] == [
        "name",
        'a "b"',
        "x,\n\x1b[31m",
        "привет [red]",
    ]


def test_line_protocol_counts_its_rows_over_chunks_by_a_nanosecond() -> None:
    """Row i of the run stands at base + i ns, also in the second chunk."""
    printed = text(FORMATS["influx"], answer(), ENVELOPE)
    assert printed == (
        'osquery_p_q,host=h,osquery_action=snapshot pid=1i,name="a \\"b\\"",used=0.5 1000\n'
        'osquery_p_q,host=h,osquery_action=snapshot pid=-2i,name="x,\\\\n\x1b[31m",'
        'big=9223372036854775807i,exact_big="9223372036854775808" 1001\n'
        'osquery_p_q,host=h,osquery_action=snapshot pid=3i,name="привет [red]",used=1e+20,big=7i'
        " 1002\n"
    )


def test_line_format_shows_one_value_per_line_and_no_control_character() -> None:
    """Names are lined up, rows stand apart, and nothing steers the terminal."""
    assert text(FORMATS["line"], answer(), ENVELOPE) == (
        ' pid = 1\nname = a "b"\nused = 0.5\n big = \n'
        "\n"
        " pid = -2\nname = x,\\n\\x1b[31m\nused = \n big = 9223372036854775808\n"
        "\n"
        " pid = 3\nname = привет [red]\nused = 1e+20\n big = 7\n"
    )


def test_table_lines_columns_up_and_takes_no_markup_from_the_data() -> None:
    """Numbers are flush right, text flush left, brackets and escapes are shown as they are."""
    assert text(FORMATS["table"], Answer(*list(answer())[:1]), ENVELOPE) == (
        "pid   name           used                   big\n"
        f"{'─' * 47}\n"
        '  1   a "b"           0.5\n'
        " -2   x,\\n\\x1b[31m          9223372036854775808\n"
        "2 rows\n"
    )
    assert "привет [red]" in text(FORMATS["table"], answer(), ENVELOPE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("json", "[]\n"),
        ("csv", "pid,name,used,big\n"),
        ("influx", ""),
        ("line", ""),
        ("table", "pid   name   used   big\n───────────────────────\n0 rows\n"),
    ],
)
def test_an_answer_without_rows_is_whole_in_every_format(name: str, expected: str) -> None:
    """No rows is an answer: an empty array, a header, or nothing."""
    assert text(FORMATS[name], Answer(), ENVELOPE) == expected
