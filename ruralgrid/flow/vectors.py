"""Eight hours in one vector register: a small number type for compiled functions.

numba vectorises a loop only if it can prove much about every array in it; most of the rows of a
sweep defeat it, and the loop then costs four times as much. Here the vector is a type of its own,
with the arithmetic that the kernel needs, and LLVM maps it to whatever the machine has (two AVX
registers, four of NEON). Only for use inside functions compiled by numba.
"""

# mypy: ignore-errors
# ruff: noqa: ARG001
# every function here is a recipe for numba's compiler, with the arguments that numba prescribes

from __future__ import annotations

import operator
from typing import Final

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

__all__ = [
    "WIDTH",
    "addresses",
    "any_above",
    "any_below",
    "highest",
    "is_below",
    "larger",
    "load",
    "lowest",
    "reciprocal",
    "reciprocal_sqrt",
    "size_of",
    "smaller",
    "spread",
    "store",
    "total",
]

WIDTH: Final = 8
"""Hours in one vector."""

_VECTOR: Final = ir.VectorType(ir.DoubleType(), WIDTH)
_SINGLE: Final = ir.VectorType(ir.FloatType(), WIDTH)
_NO_NAN: Final = ("nnan", "nsz")
_FLAGS: Final = ("contract", "nsz", "arcp")  # NaN and infinity keep their meaning


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


_lanes: Final = _LanesType()
_numbers: Final = types.CPointer(types.float64)


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _VECTOR)


@intrinsic
def addresses(typing_context, arrays):
    """The same named tuple with bare pointers in the place of C-contiguous arrays.

    Bare pointers cost nothing to hand on; numba counts the references to an array at every turn,
    and two threads then wait for each other. Whoever takes addresses keeps the arrays alive.
    """
    if not isinstance(arrays, types.NamedTuple):
        return None
    pointers = types.NamedTuple(
        [types.CPointer(kind.dtype) for kind in arrays.types], arrays.instance_class
    )

    def generate(context, builder, signature, args):
        values = [
            context.make_array(kind)(context, builder, builder.extract_value(args[0], number)).data
            for number, kind in enumerate(signature.args[0].types)
        ]
        return context.make_tuple(builder, signature.return_type, values)

    return pointers(arrays), generate


@intrinsic
def load(typing_context, numbers, first):
    """``numbers[first : first + WIDTH]`` as a vector."""

    def generate(context, builder, signature, args):
        pointer = builder.bitcast(builder.gep(args[0], [args[1]]), _VECTOR.as_pointer())
        return builder.load(pointer, align=8)

    return _lanes(_numbers, types.intp), generate


@intrinsic
def store(typing_context, numbers, first, vector):
    """``numbers[first : first + WIDTH] = vector``."""

    def generate(context, builder, signature, args):
        pointer = builder.bitcast(builder.gep(args[0], [args[1]]), _VECTOR.as_pointer())
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(_numbers, types.intp, _lanes), generate


def _spread(builder, number):
    one = builder.insert_element(
        ir.Constant(_VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
    )
    mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, one, mask)


@intrinsic
def spread(typing_context, number):
    """The same number in every hour."""

    def generate(context, builder, signature, args):
        return _spread(builder, args[0])

    return _lanes(types.float64), generate


def _arithmetic(instruction: str):
    """An intrinsic for one instruction on two vectors, or on a vector and a number."""

    @intrinsic
    def operate(typing_context, a, b):
        kinds = [kind if kind is _lanes else types.float64 for kind in (a, b)]

        def generate(context, builder, signature, args):
            both = [
                value if kind is _lanes else _spread(builder, value)
                for kind, value in zip(signature.args, args, strict=True)
            ]
            return getattr(builder, instruction)(*both, flags=_FLAGS)

        return _lanes(*kinds), generate

    return operate


def _offer(symbol, instruction: str) -> None:
    operate = _arithmetic(instruction)

    @overload(symbol, inline="never")
    def overloaded(a, b):
        if a is _lanes or b is _lanes:
            return lambda a, b: operate(a, b)
        return None


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
):
    _offer(_symbol, _instruction)


def _by_hour(name: str):
    """An intrinsic for one of LLVM's own functions of vectors, hour by hour."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(args))
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f64")
        return builder.call(function, args, fastmath=_NO_NAN)

    if name == "fabs":

        @intrinsic
        def operate(typing_context, a):
            return _lanes(_lanes), generate

    else:

        @intrinsic
        def operate(typing_context, a, b):
            return _lanes(_lanes, _lanes), generate

    return operate


larger: Final = _by_hour("maxnum")
"""The larger of two vectors in every hour; anything where one is not a number."""

smaller: Final = _by_hour("minnum")
"""The smaller of two vectors in every hour; anything where one is not a number."""

size_of: Final = _by_hour("fabs")
"""Every hour without its sign."""


@intrinsic
def is_below(typing_context, vector, limit):
    """1.0 in every hour in which the vector is below the limit, 0.0 in all others."""

    def generate(context, builder, signature, args):
        below = builder.fcmp_ordered("<", args[0], _spread(builder, args[1]))
        ones, zeros = (ir.Constant(_VECTOR, [value] * WIDTH) for value in (1.0, 0.0))
        return builder.select(below, ones, zeros)

    return _lanes(_lanes, types.float64), generate


def _any(comparison: str):
    """An intrinsic for whether a comparison with a number holds in any hour."""

    @intrinsic
    def compare(typing_context, vector, limit):
        def generate(context, builder, signature, args):
            holds = builder.fcmp_ordered(comparison, args[0], _spread(builder, args[1]))
            bits = builder.bitcast(holds, ir.IntType(WIDTH))
            return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

        return types.boolean(_lanes, types.float64), generate

    return compare


any_above: Final = _any(">")
"""Whether the vector is above a number in any hour; not one that is not a number."""

any_below: Final = _any("<")
"""Whether the vector is below a number in any hour; not one that is not a number."""


def _folded(combine):
    """An intrinsic that combines the hours of a vector to one number, halves at a time."""

    @intrinsic
    def fold(typing_context, vector):
        def generate(context, builder, signature, args):
            rest, count = args[0], WIDTH
            while count > 1:
                count //= 2
                kind = ir.VectorType(ir.IntType(32), count)
                halves = [
                    builder.shuffle_vector(
                        rest, rest, ir.Constant(kind, list(range(first, first + count)))
                    )
                    for first in (0, count)
                ]
                rest = combine(builder, *halves)
            return builder.extract_element(rest, ir.Constant(ir.IntType(32), 0))

        return types.float64(_lanes), generate

    return fold


def _better(comparison: str):
    return lambda builder, a, b: builder.select(builder.fcmp_ordered(comparison, a, b), a, b)


total: Final = _folded(lambda builder, a, b: builder.fadd(a, b))
"""The sum over the hours of a vector, always in the same order."""

highest: Final = _folded(_better(">"))
"""The highest of the hours of a vector."""

lowest: Final = _folded(_better("<"))
"""The lowest of the hours of a vector."""


def _single_precision():
    """An intrinsic for 1/sqrt(x) in single precision: 24 bits at a fraction of the time."""

    @intrinsic
    def guess(typing_context, vector):
        def generate(context, builder, signature, args):
            value = builder.fptrunc(args[0], _SINGLE)
            kind = ir.FunctionType(_SINGLE, [_SINGLE])
            square_root = cgutils.get_or_insert_function(
                builder.module, kind, f"llvm.sqrt.v{WIDTH}f32"
            )
            value = builder.call(square_root, [value])
            ones = ir.Constant(_SINGLE, [1.0] * WIDTH)
            return builder.fpext(builder.fdiv(ones, value), _VECTOR)

        return _lanes(_lanes), generate

    return guess


_guess_reciprocal_sqrt = _single_precision()


@intrinsic
def reciprocal(typing_context, vector):
    """1/x."""

    def generate(context, builder, signature, args):
        return builder.fdiv(ir.Constant(_VECTOR, [1.0] * WIDTH), args[0])

    return _lanes(_lanes), generate


@njit(nogil=True)
def reciprocal_sqrt(x):
    """1/sqrt(x) to some 2e-14: single precision and one step of Newton's method."""
    r = _guess_reciprocal_sqrt(x)
    return r * (1.5 - (0.5 * x) * (r * r))
