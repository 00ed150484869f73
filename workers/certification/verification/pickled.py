"""A pickle of pictures and booleans, read without unpickling.

InsightFace ships its benchmarks as pickles, and unpickling runs whatever the file says. A strict
``pickle.Unpickler`` (``find_class`` over a list of names) is not enough: numpy's own
reconstruction is C code that takes its shapes and types from the file, and the C unpickler makes
its memo as large as the file's largest index. So the opcodes are only split by
``pickletools.genops``, which runs nothing, and put together here over a table of those that lists,
tuples, byte strings, booleans and one-dimensional numpy arrays of protocols 2 to 5 are written
with. A name is looked up in ``_KNOWN``, never imported; what it stands for is made here. Each
opcode makes at most one small object or one slice of the file, and their number is bounded, so
memory is too.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

# An array in protocol 2 takes 25 opcodes; IJB apart, no published benchmark has 100,000 pictures.
MOST_OPCODES = 4_000_000


class NotLiteral(ValueError):
    """The pickle is damaged, or holds something else than data; the message says which."""


class Known(Enum):
    """What the names in a pickle of pictures stand for."""

    ENCODE = auto()  # bytes as Python 3 writes them in protocol 2
    RECONSTRUCT = auto()  # an empty array, filled by BUILD
    FROM_BUFFER = auto()  # an array in protocol 5
    SCALAR = auto()
    ARRAY = auto()
    DTYPE = auto()


_KNOWN = {
    "_codecs.encode": Known.ENCODE,
    "numpy.ndarray": Known.ARRAY,
    "numpy.dtype": Known.DTYPE,
    **{
        f"numpy.{core}.{name}": known
        for core in ("core", "_core")  # before numpy 2, and since
        for name, known in (
            ("multiarray._reconstruct", Known.RECONSTRUCT),
            ("multiarray.scalar", Known.SCALAR),
            ("numeric._frombuffer", Known.FROM_BUFFER),
        )
    },
}
_LATIN1 = {"latin1", "latin-1"}
_BYTE, _BOOL = {"u1", b"u1"}, {"b1", b"b1"}


@dataclass(frozen=True)
class ElementType:
    boolean: bool  # else an unsigned byte


@dataclass
class Array:
    """A numpy array of bytes or booleans; ``data`` is None until BUILD gives it."""

    data: bytes | None = None
    boolean: bool = False


def read_literal(data: bytes) -> Any:
    """Lists, tuples, bytes, str, int, bool, None and ``Array``, as the pickle holds them.

    Raises:
        NotLiteral
    """
    machine = _Machine(room=len(data))
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
            if count >= MOST_OPCODES:
                raise NotLiteral(f"has more than {MOST_OPCODES:,} opcodes")
            if opcode.name == "STOP":
                return machine.pop()
            machine.do(opcode.name, argument)
    except NotLiteral:
        raise
    except (ValueError, LookupError, OverflowError):
        pass
    raise NotLiteral("is not a whole pickle: it breaks off or is damaged")


class _Machine:
    """The stack, the marks in it, and the memo."""

    def __init__(self, room: int) -> None:
        self.room = room  # bytes that REDUCE may still make: a memoised text could be used often
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def do(self, opcode: str, argument: Any) -> None:
        if opcode in _LITERALS:
            self.stack.append(_LITERALS[opcode](argument))
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self, argument)
        else:
            raise NotLiteral(f"uses the opcode {opcode}, which pictures and labels don't need")

    def pop(self) -> Any:
        return self.stack.pop()

    def take(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise NotLiteral("takes from an empty stack; it is damaged")
        taken = tuple(self.stack[-count:])
        del self.stack[-count:]
        return taken

    def take_to_mark(self) -> tuple[Any, ...]:
        mark = self.marks.pop()
        taken = tuple(self.stack[mark:])
        del self.stack[mark:]
        return taken

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def tuple_of(self, count: int) -> None:
        self.stack.append(self.take(count))

    def marked_tuple(self, _: Any) -> None:
        self.stack.append(self.take_to_mark())

    def append(self, _: Any) -> None:
        self.extend(self.take(1))

    def appends(self, _: Any) -> None:
        self.extend(self.take_to_mark())

    def extend(self, items: tuple[Any, ...]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise NotLiteral("appends to what is no list; it is damaged")
        target.extend(items)

    def put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, place: int) -> None:
        self.stack.append(self.memo[place])

    def name(self, argument: str) -> None:
        self.stack.append(_known(".".join(argument.split(" ", 1))))

    def stack_name(self, _: Any) -> None:
        module, name = self.take(2)
        if not (isinstance(module, str) and isinstance(name, str)):
            raise NotLiteral("has a name that is no text; it is damaged")
        self.stack.append(_known(f"{module}.{name}"))

    def reduce(self, _: Any) -> None:
        function, arguments = self.take(2)
        made = _made(function, arguments)
        self.room -= len(made) if isinstance(made, bytes) else 0
        if self.room < 0:
            raise NotLiteral("makes more bytes than it holds")
        self.stack.append(made)

    def build(self, _: Any) -> None:
        (state,) = self.take(1)
        _fill(self.stack[-1], state)


def _known(name: str) -> Known:
    try:
        return _KNOWN[name]
    except KeyError:
        raise NotLiteral(
            f"names {name[:80]!r}, which unpickling would run; that is code, not pictures"
        ) from None


def _made(function: Any, arguments: Any) -> Any:
    match function, arguments:
        case Known.ENCODE, (str(text), str(encoding)) if encoding in _LATIN1:
            return text.encode("latin-1")
        case Known.DTYPE, (str() | bytes() as name, *_) if name in _BYTE | _BOOL:
            return ElementType(name in _BOOL)
        case Known.RECONSTRUCT, (Known.ARRAY, *_):
            return Array()
        case Known.FROM_BUFFER, (bytes(data), ElementType() as of, tuple(shape), *_):
            return Array(_shaped(data, shape), of.boolean)
        case Known.SCALAR, (ElementType(boolean=True), bytes(data)) if len(data) == 1:
            return data != b"\0"
    raise NotLiteral("makes an object that is neither picture nor label")


def _fill(target: Any, state: Any) -> None:
    match target, state:
        case ElementType(), tuple():
            return  # byte order and the like, which a single byte has none of
        case Array(), (int(), tuple(shape), ElementType() as of, _, bytes(data)):
            target.data, target.boolean = _shaped(data, shape), of.boolean
        case _:
            raise NotLiteral("fills an object that is neither picture nor label")


def _shaped(data: bytes, shape: tuple[Any, ...]) -> bytes:
    """``data`` as it is; some versions of OpenCV encode to (n, 1), others to (n,)."""
    whole = all(isinstance(side, int) for side in shape)
    if not whole or len(shape) > 2 or math.prod(shape) != len(data):
        raise NotLiteral("has an array whose shape does not fit its data; it is damaged")
    return data


def _same(argument: Any) -> Any:
    return argument


def _latin1(argument: str) -> bytes:
    """A ``str`` of Python 2, which genops gives decoded."""
    return argument.encode("latin-1")


_LITERALS: dict[str, Callable[[Any], Any]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "BININT": _same,
    "BININT1": _same,
    "BININT2": _same,
    "LONG1": _same,
    "SHORT_BINBYTES": _same,
    "BINBYTES": _same,
    "BINBYTES8": _same,
    "BYTEARRAY8": bytes,
    "SHORT_BINSTRING": _latin1,
    "BINSTRING": _latin1,
    "SHORT_BINUNICODE": _same,
    "BINUNICODE": _same,
    "BINUNICODE8": _same,
}
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,  # noqa: ARG005
    "FRAME": lambda machine, _: None,  # noqa: ARG005
    "MARK": _Machine.mark,
    "TUPLE": _Machine.marked_tuple,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
