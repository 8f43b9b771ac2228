"""The difference of two rows of numbers, bit by bit: exact for every number, and small once it is compressed.

A delta has the exclusive or of the bits of both. Subtracting numbers would not do: `base + (tuned - base)` rounds, and may be another
number. Fine-tuning changes the last bits of many weights and the first bits of few, so the bytes of the same place in all numbers are put
side by side, and the planes of first bytes, nearly all zero, take next to nothing. Measured in README.md.
"""

import zlib

import numpy as np

WIDENS = {("BF16", "F32"), ("F16", "F32")}
"""What a full fine-tuning makes of a base that is published in 16 bits."""
LEVEL = 1
"""Of zlib: higher ones take three to four times as long for a tenth less."""


def widened(numbers: bytes, dtype: str, wanted: str) -> bytes:
    """The same numbers in the wider type, exactly; `WIDENS` has the pairs that can be."""
    if dtype == wanted:
        return numbers
    if dtype == "F16":
        return np.frombuffer(numbers, "<f2").astype("<f4").tobytes()
    return (np.frombuffer(numbers, "<u2").astype("<u4") << 16).tobytes()  # bfloat16 has the first half of a float32's bits


def encode(base: bytes, tuned: bytes, width: int) -> bytes:
    """What turns `base` into `tuned`; empty where they are equal. `width` is the number of bytes of a number.

    A shorter base is taken to go on with zeros, as where rows were added at the end of a matrix; of a longer one the rest is left out.
    """
    difference = _xor(base, tuned)
    return zlib.compress(_planes(difference, width).tobytes(), LEVEL) if difference.any() else b""


def decode(base: bytes, difference: bytes, length: int, width: int) -> bytes:
    """The `length` bytes that `encode` was given as `tuned`.

    Raises:
        ValueError: the difference is damaged.
    """
    if not difference:
        return base[:length] + bytes(length - len(base[:length]))
    try:
        planes = zlib.decompress(difference)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(planes) != length:
        raise ValueError(f"it has {len(planes)} bytes, not {length}")
    return _xor(base, _numbers(np.frombuffer(planes, np.uint8), width).tobytes()).tobytes()


def _xor(base: bytes, tuned: bytes) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    result = np.frombuffer(tuned, np.uint8).copy()
    both = min(len(base), len(tuned))
    result[:both] ^= np.frombuffer(base, np.uint8, both)
    return result


def _planes(data: "np.ndarray[tuple[int], np.dtype[np.uint8]]", width: int) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """All first bytes of the numbers, then all second ones, …; what is no whole number stays as it is."""
    return data.reshape(-1, width).T.reshape(-1) if data.size % width == 0 else data


def _numbers(planes: "np.ndarray[tuple[int], np.dtype[np.uint8]]", width: int) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """The opposite of `_planes`."""
    return planes.reshape(width, -1).T.reshape(-1) if planes.size % width == 0 else planes
