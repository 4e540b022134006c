"""Sets of bytes as masks (bit *b* stands for byte *b*), and the names they have in the C locale."""

ALL = (1 << 256) - 1


def of(*bytes_: int) -> int:
    """The mask of these bytes."""
    mask = 0
    for byte in bytes_:
        mask |= 1 << byte
    return mask


def span(first: int, last: int) -> int:
    """The mask of a range; nothing where it is turned round."""
    return ((1 << (last + 1)) - (1 << first)) if last >= first else 0


ANY = ALL & ~of(*b"\r\n")
"""What ``.`` matches."""

_DIGIT = span(0x30, 0x39)
_LOWER, _UPPER = span(0x61, 0x7A), span(0x41, 0x5A)
_ALPHA = _LOWER | _UPPER
_ALNUM = _ALPHA | _DIGIT
_WORD = _ALNUM | of(ord("_"))
_SPACE = of(*b" \t\n\v\f\r")
_GRAPH = span(0x21, 0x7E)

CLASSES = {
    b"alnum": _ALNUM,
    b"alpha": _ALPHA,
    b"blank": of(*b" \t"),
    b"cntrl": span(0, 0x1F) | of(0x7F),
    b"d": _DIGIT,
    b"digit": _DIGIT,
    b"graph": _GRAPH,
    b"lower": _LOWER,
    b"print": _GRAPH | of(0x20),
    b"punct": _GRAPH & ~_ALNUM,
    b"s": _SPACE,
    b"space": _SPACE,
    b"upper": _UPPER,
    b"w": _WORD,
    b"xdigit": _DIGIT | span(0x61, 0x66) | span(0x41, 0x46),
}
"""``[:name:]``"""

SHORTHANDS = {
    b"d": _DIGIT,
    b"D": ALL & ~_DIGIT,
    b"s": _SPACE,
    b"S": ALL & ~_SPACE,
    b"w": _WORD,
    b"W": ALL & ~_WORD,
}
r"""``\d`` and the like."""

# The portable character set of POSIX (XBD 6.1), in the order of ASCII from the given byte on.
_RUNS = {
    0x00: """
        NUL SOH STX ETX EOT ENQ ACK alert backspace tab newline vertical-tab form-feed
        carriage-return SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC IS4 IS3 IS2 IS1
        space exclamation-mark quotation-mark number-sign dollar-sign percent-sign ampersand
        apostrophe left-parenthesis right-parenthesis asterisk plus-sign comma hyphen period slash
        zero one two three four five six seven eight nine colon semicolon less-than-sign equals-sign
        greater-than-sign question-mark commercial-at
    """,
    0x2D: "hyphen-minus full-stop solidus",
    0x5B: """
        left-square-bracket backslash right-square-bracket circumflex underscore grave-accent
    """,
    0x5C: "reverse-solidus",
    0x5E: "circumflex-accent low-line",
    0x7B: "left-brace vertical-line right-brace tilde DEL",
    0x7D: "right-curly-bracket",
}
NAMES = {
    name.encode(): first + place
    for first, names in _RUNS.items()
    for place, name in enumerate(names.split())
} | {b"left-curly-bracket": 0x7B}
"""``[.name.]``"""
