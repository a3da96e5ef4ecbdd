"""What of a source's disk the look from outside may expect to stay as it was."""

import hashlib
import struct

from drover_lab.demo.sources import _is_content


def test_a_piece_of_a_file_counts_and_a_file_systems_tables_do_not() -> None:
    assert _is_content(bytearray(hashlib.shake_256(b"x").digest(4096)))
    assert _is_content(bytearray((b"The quick brown fox jumps over the lazy dog. " * 92)[:4096]))
    descriptors = b"".join(struct.pack("<IIIHHHH", 17, 18, 19, 7, 5, 2, 4) for _ in range(4))
    assert not _is_content(bytearray(descriptors.ljust(4096, b"\0")))
    assert not _is_content(bytearray(b"\xff" * 4096))
