"""A calculator: arithmetic over a whitelist of syntax, nothing is ever evaluated as code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable

Number = int | float

MAX_BITS = 20_000  # about 6,000 digits: what an answer can hold, and quick to compute
MAX_CHARS = 1_000

OPERATORS: dict[type[ast.AST], Callable[..., Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "gcd": math.gcd,
    "lcm": math.lcm,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "min": min,
    "round": round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
CONSTANTS = {"pi": math.pi, "e": math.e}


def calculator(expression: str) -> str:
    """Compute an arithmetic expression and return its value.

    Knows + - * / // % ** and parentheses; abs, ceil, cos, exp, floor, gcd, lcm, log, log10,
    log2, max, min, round, sin, sqrt, tan; pi and e. Write * for every multiplication and use no
    thousands separators.

    Args:
        expression: The expression, for example "(17 + 3) * 2 ** 5 / 4".

    Returns:
        The value, exact for integers.

    Raises:
        ValueError: The expression is malformed, too large, or has no value; the text says why.
    """
    if len(expression) > MAX_CHARS:
        raise ValueError(f"The expression is longer than {MAX_CHARS} characters.")
    try:
        value = _value(ast.parse(expression.strip().replace("^", "**"), mode="eval").body)
        return str(int(value)) if _is_whole(value) else repr(value)
    except SyntaxError as error:
        raise ValueError(f"Not an arithmetic expression: {expression.strip()!r}.") from error
    except ZeroDivisionError as error:
        raise ValueError("Division by zero.") from error
    except OverflowError as error:
        raise ValueError("The value is too large.") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("The expression is nested too deeply.") from error
    except TypeError as error:
        raise ValueError(f"A function was given the wrong arguments: {error}.") from error


def _is_whole(value: Number) -> bool:
    return isinstance(value, int) or (value.is_integer() and abs(value) < 2**53)


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _bounded(value)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _bounded(_power(_value(left), _value(right)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _bounded(OPERATORS[type(op)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*map(_value, arguments)))
        case _:
            raise ValueError(f"Not allowed in an arithmetic expression: {ast.unparse(node)!r}.")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int):
        if abs(base) > 1 and exponent * base.bit_length() > MAX_BITS:
            raise ValueError("The power is too large.")
        if abs(exponent) > 1_000_000_000:
            raise ValueError("The exponent is too large.")
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError("A negative number to a fractional power has no real value.")
    return value


def _bounded(value: Number) -> Number:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ValueError("The value is too large.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("The value is not a finite number.")
    return value
