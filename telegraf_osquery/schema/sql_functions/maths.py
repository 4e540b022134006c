"""Math functions that fail where SQLite's own give NULL (osquery/sql/sqlite_math.cpp).

An argument outside of the domain and a result outside of the range are SQL errors, with the C
library's words. Text counts as the number it begins with.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from telegraf_osquery.schema.sql_functions.around import Around
from telegraf_osquery.schema.sql_functions.values import double, failure

_DOMAIN = "Numerical argument out of domain"
_RANGE = "Numerical result out of range"
# exp() is taken in extended precision (64-bit mantissa, 15-bit exponent) and then shortened: it
# fails beyond these, and gives Inf or 0.0 between them and what a double can hold.
_EXP_MAX = 11356.523406294143
_EXP_MIN = -11400.19165
_INT64_MIN = -(1 << 63)


def functions(_: Around) -> Mapping[str, Callable[..., Any]]:
    """Name → function."""
    plain = {
        "acos": math.acos,
        "asin": math.asin,
        "atan": math.atan,
        "cos": math.cos,
        "cot": _cot,
        "degrees": lambda x: 180.0 * x / math.pi,
        "exp": _exp,
        "log": _unless_zero(math.log),
        "log10": _unless_zero(math.log10),
        "radians": lambda x: x * math.pi / 180.0,
        "sin": math.sin,
        "sqrt": math.sqrt,
        "tan": math.tan,
    }
    return {name: _checked(function) for name, function in plain.items()} | {
        "ceil": _rounding(math.ceil),
        "floor": _rounding(math.floor),
        "pi": lambda: math.pi,
        "power": _power,
    }


def _checked(function: Callable[[float], float]) -> Callable[[Any], float | None]:
    def call(value: Any) -> float | None:
        if value is None:
            return None
        try:
            return function(value if type(value) is float else double(value))
        except ValueError:
            raise failure(_DOMAIN) from None
        except OverflowError:
            raise failure(_RANGE) from None

    return call


def _unless_zero(function: Callable[[float], float]) -> Callable[[float], float]:
    """A logarithm: zero is a pole, not outside of the domain."""

    def call(x: float) -> float:
        if x == 0.0:
            raise OverflowError
        return function(x)

    return call


def _cot(x: float) -> float:
    tangent = math.tan(x)
    return 1.0 / tangent if tangent else math.copysign(math.inf, tangent)


def _exp(x: float) -> float:
    if math.isfinite(x) and not _EXP_MIN < x <= _EXP_MAX:
        raise OverflowError
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _rounding(function: Callable[[float], int]) -> Callable[[Any], int | None]:
    """Integers stay what they are; what no int64 can hold is the smallest one, as on x86."""

    def call(value: Any) -> int | None:
        if value is None or isinstance(value, int):
            return value
        number = double(value)
        if not math.isfinite(number):
            return _INT64_MIN
        whole = function(number)
        return whole if _INT64_MIN <= whole < -_INT64_MIN else _INT64_MIN

    return call


def _power(base: Any, exponent: Any) -> float | None:
    if base is None or exponent is None:
        return None
    x, y = double(base), double(exponent)
    if x == 0.0 and y < 0.0 and math.isfinite(y):
        raise failure(_RANGE)  # a pole
    try:
        found = math.pow(x, y)
    except ValueError:
        if x == 0.0:
            return math.inf  # pow(0, -Inf) is no error in C
        raise failure(_DOMAIN) from None
    except OverflowError:
        raise failure(_RANGE) from None
    if found == 0.0 and x != 0.0 and math.isfinite(x) and math.isfinite(y):
        raise failure(_RANGE)  # too small
    return found
