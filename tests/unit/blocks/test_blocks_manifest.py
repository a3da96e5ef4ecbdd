from pathlib import Path

import pytest
from blake3 import blake3

from drover.blocks.manifest import Manifest, Range, differences
from drover.blocks.ranges import merged, spell
from drover.errors import CorruptionError


def manifest(*digests: int, size: int | None = None, chunk_size: int = 10) -> Manifest:
    joined = b"".join(bytes([number]) * 32 for number in digests)
    return Manifest(len(digests) * chunk_size if size is None else size, chunk_size, joined)


def test_the_root_covers_digests_and_size() -> None:
    whole, shorter = manifest(1, 2), manifest(1, 2, size=19)
    assert whole.root == blake3(whole.digests + (20).to_bytes(8, "little")).hexdigest()
    assert whole.root != shorter.root != manifest(2, 1).root


def test_it_comes_back_from_parquet_as_it_was(tmp_path: Path) -> None:
    kept = manifest(1, 2, 3, size=25)
    kept.save(tmp_path / "disk.parquet")
    assert Manifest.load(tmp_path / "disk.parquet") == kept
    assert [path.name for path in tmp_path.iterdir()] == ["disk.parquet"]


def test_the_frame_has_a_row_a_chunk() -> None:
    frame = manifest(1, 2, 3, size=25).to_frame()
    assert list(frame.columns) == ["offset", "length", "digest"]
    assert frame["offset"].tolist() == [0, 10, 20]
    assert frame["length"].tolist() == [10, 10, 5]
    assert frame["digest"][2] == "03" * 32


def test_a_missing_digest_is_a_failure() -> None:
    with pytest.raises(CorruptionError, match="needs 3 digests and has 2"):
        manifest(1, 2, size=21)


def test_a_missing_manifest_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(CorruptionError, match="no manifest"):
        Manifest.load(tmp_path / "nothing.parquet")


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "empty"])
def test_a_damaged_manifest_is_a_failure(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "disk.parquet"
    manifest(*range(50)).save(path)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "cut": content[:middle],
            "flip": content[:20] + bytes([content[20] ^ 1]) + content[21:],
            "text": b"offset,length,digest\n",
            "empty": b"",
        }[damage]
    )
    with pytest.raises(CorruptionError, match=r"disk\.parquet cannot be read"):
        Manifest.load(path)


def test_a_row_changed_in_place_is_a_failure(tmp_path: Path) -> None:
    """By someone who knows Parquet: the root no longer fits."""
    import pyarrow.parquet

    path = tmp_path / "disk.parquet"
    manifest(1, 2).save(path)
    table = pyarrow.parquet.read_table(path)
    column = pyarrow.array(["01" * 32, "09" * 32])
    pyarrow.parquet.write_table(table.set_column(2, table.schema.field(2), column), path)
    with pytest.raises(CorruptionError):
        Manifest.load(path)


def test_equal_manifests_have_no_differences() -> None:
    assert differences(manifest(1, 2), manifest(1, 2)) == []


def test_differences_are_merged_and_sorted() -> None:
    assert differences(manifest(1, 2, 3, 4, 5), manifest(1, 9, 9, 4, 9)) == [Range(10, 20), Range(40, 10)]


def test_exchanged_chunks_are_both_named() -> None:
    assert differences(manifest(1, 2, 3, 4), manifest(1, 4, 3, 2)) == [Range(10, 10), Range(30, 10)]


def test_the_longer_tail_is_a_difference_in_either_order() -> None:
    longer, shorter = manifest(1, 2, 3), manifest(1, 2)
    assert differences(longer, shorter) == differences(shorter, longer) == [Range(20, 10)]


def test_a_tail_within_the_last_chunk_is_found() -> None:
    assert differences(manifest(1, 2, size=20), manifest(1, 3, size=18)) == [Range(10, 10)]


def test_other_chunk_sizes_cannot_be_compared() -> None:
    with pytest.raises(CorruptionError, match="cannot be compared"):
        differences(manifest(1, 2), manifest(1, size=20, chunk_size=20))


def test_ranges_that_touch_become_one() -> None:
    assert merged([Range(5, 5), Range(0, 5), Range(20, 1), Range(6, 1), Range(30, 0)]) == [Range(0, 10), Range(20, 1)]


def test_many_ranges_are_told_in_few_words() -> None:
    assert spell([Range(0, 1), Range(2, 2)]) == "bytes 0 to 0, bytes 2 to 3"
    assert spell([Range(n, 1) for n in range(9)], most=1) == "bytes 0 to 0 and 8 more ranges"
