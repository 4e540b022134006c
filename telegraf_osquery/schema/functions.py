"""The SQL functions that may be used, and the type each one gives.

SQLite's own and those osquery adds (``osquery/sql/sqlite_{string,math,hashing,encoding}.cpp`` and
others; their answers were recorded from osquery 5.23.1). A rule is a type, or says how the type
follows from the arguments; it never looks at a value and is the same for every engine.
"""

from collections.abc import Sequence
from typing import Literal

from telegraf_osquery.model.column import Type

Known = Type | Literal["null"] | None
"""What is known of an expression: its type, that it is NULL and fits any type, or nothing."""

_RULES = {
    "integer": """
        count instr length octet_length unicode unixepoch sign random json_valid json_array_length
        json_error_position row_number rank dense_rank ntile changes total_changes
        last_insert_rowid subtype like glob
        ceil floor in_cidr_block inet_aton is_path_deterministic version_compare sleep
    """,
    "double": """
        avg total round julianday percent_rank cume_dist median percentile percentile_cont
        percentile_disc acos acosh asin asinh atan atan2 atanh ceiling cos cosh cot degrees exp ln
        log log10 log2 mod pi pow power radians sin sinh sqrt tan tanh trunc
    """,
    "text": """
        char concat concat_ws date datetime format group_concat hex json json_array
        json_array_insert json_group_array json_group_object json_insert json_object json_patch
        json_pretty json_quote json_remove json_replace json_set json_type lower ltrim printf quote
        randomblob replace rtrim soundex sqlite_version strftime string_agg substr substring time
        timediff trim typeof unhex unistr unistr_quote upper zeroblob ->
        current_date current_time current_timestamp
        community_id_v1 community_id_v1_strict conditional_to_base64 find_file_path_in_cmd
        from_base64 md5 parent_directory regex_match regex_split sha1 sha256 split to_base64 carve
    """,
    "number": "abs sum",
    "first": "first_value last_value likelihood likely nth_value nullif unlikely",
    "all": "coalesce ifnull max min",
    "offset": "lag lead",
    "branches": "iif if",
    "unknown": "json_extract ->>",
}
RULES = {name: rule for rule, names in _RULES.items() for name in names.split()}

_ADDED = """
    carve ceil community_id_v1 community_id_v1_strict concat concat_ws conditional_to_base64 cot
    find_file_path_in_cmd floor from_base64 in_cidr_block inet_aton is_path_deterministic md5
    parent_directory regex_match regex_split sha1 sha256 sleep soundex split to_base64
    version_compare
"""
OSQUERY = frozenset(_ADDED.split())
"""Functions that SQLite does not have, not in every build, or answers otherwise."""

COLLATIONS = ("version", "version_arch", "version_dpkg", "version_rhel")

RISKY = frozenset({"carve", "json_patch", "sleep"})
"""They copy files away or hold the engine (json_patch of two large objects for minutes, in one step
that nothing can stop): allowed only where they are named."""

ALLOWED = frozenset(RULES) - RISKY


def agree(kinds: Sequence[Known]) -> Known:
    """The one type that fits all: NULL fits any, integers fit doubles, anything else is text.

    One unknown part makes the whole unknown. Beside signed integers, unsigned ones count as signed,
    since ``-1`` for "not known" is more common than a number above 2^63-1.
    """
    if None in kinds:
        return None
    found = set(kinds) - {"null"}
    if len(found) < 2:
        return found.pop() if found else "null"
    if found == {"integer", "unsigned"}:
        return "integer"
    return "double" if found <= {"integer", "unsigned", "double"} else "text"


def arithmetic(kinds: Sequence[Known]) -> Known:
    """The type of ``+ - * / %`` and of ``sum``: integer over integers, double over all else."""
    return "integer" if set(kinds) <= {"integer", "unsigned", "boolean", "null"} else "double"


def result(name: str, arguments: Sequence[Known]) -> Known:
    """The type of a call."""
    rule = RULES.get(name)
    if rule in {"integer", "double", "text"}:
        return rule  # type: ignore[return-value]
    if rule == "number":
        return arithmetic(arguments)
    if rule == "first":
        return arguments[0] if arguments else None
    picked = {"all": arguments, "offset": arguments[::2], "branches": arguments[1:]}
    return agree(picked[rule]) if rule in picked and arguments else None
