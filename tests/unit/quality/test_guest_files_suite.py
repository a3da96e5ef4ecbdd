"""The guest files suite: a test for each kind of damage."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from drover.guest.table import Row, to_table
from drover.quality import guest_files
from drover.quality.glob import matcher


def file(path: str, **changes: Any) -> Row:
    row = {
        "filesystem": "vda:1",
        "path": path,
        "guest_path": path,
        "type": "file",
        "size": 5,
        "mode": "0644",
        "uid": 0,
        "gid": 0,
        "mtime": 1,
        "digest": "d" * 64,
    }
    return row | changes


ROWS = {
    row["path"]: row
    for row in (
        file("/", type="directory", digest=None),
        file("/etc/passwd", xattrs='{"SCHILY.xattr.user.a": "b"}'),
        file("/bin/sh", type="link", digest=None, link="busybox"),
        file("/srv/data"),
        file("/var/log/messages"),
        file("", guest_path="", filesystem="vda:2", type="swap", digest=None),
    )
}


def table(*changed: Row, without: str = "nothing") -> pd.DataFrame:
    rows = ROWS | {row["path"]: row for row in changed}
    return to_table(row for path, row in rows.items() if path != without)


def test_equal_files_pass(tmp_path: Path) -> None:
    verdict = guest_files.validate(
        table(), table(file("/etc/passwd", mtime=9, xattrs=ROWS["/etc/passwd"]["xattrs"])), (), tmp_path
    )

    assert (verdict.passed, verdict.failures) == (True, ())


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (table(file("/srv/data", digest="e" * 64)), "1 file changed in their content: /srv/data (vda:1)."),
        (table(file("/srv/data", size=6)), "1 file changed in their size: /srv/data (vda:1)."),
        (table(file("/srv/data", mode="4755")), "1 file changed in their mode: /srv/data"),
        (table(file("/srv/data", uid=7)), "1 file changed in their owner: /srv/data"),
        (table(file("/srv/data", gid=7)), "1 file changed in their group: /srv/data"),
        (table(file("/srv/data", type="fifo", digest=None)), "1 file changed in their type: /srv/data"),
        (table(file("/etc/passwd", xattrs=None)), "1 file changed in their extended attributes: /etc/passwd"),
        (table(file("/bin/sh", type="link", digest=None, link="bash")), "1 file changed in where they point: /bin/sh"),
        (table(without="/srv/data"), "1 file missing at the target: /srv/data (vda:1)."),
        (table(file("/srv/new")), "1 file at the target but not at the source: /srv/new (vda:1)."),
        (table(file("/srv/data", digest=None)), "1 file without a digest, so that nobody knows the content: /srv/data"),
        (table(file("", guest_path="", filesystem="vda:2", type="blocks")), "all of it (vda:2)"),
        (
            table(file("", guest_path="", filesystem="vda:2", type="unreadable", link="ext4: bad superblock")),
            "The filesystem vda:2 could not be read at the target (ext4: bad superblock)",
        ),
    ],
)
def test_each_damage_is_told(tmp_path: Path, after: pd.DataFrame, expected: str) -> None:
    # An allow-list for everything below /var/log lets nothing of this pass.
    verdict = guest_files.validate(table(), after, ("/var/log/**",), tmp_path)

    assert not verdict.passed
    assert expected in verdict.failures[0]


def test_files_that_may_change_are_let_pass(tmp_path: Path) -> None:
    before = to_table([*ROWS.values(), file("/var/log/old")])
    after = table(file("/var/log/messages", digest="e" * 64, size=7), file("/var/log/new/deep"))

    assert guest_files.validate(before, after, ("/var/log/**", "/tmp/*"), tmp_path).passed
    assert len(guest_files.validate(before, after, ("/tmp/*",), tmp_path).failures) == 4


def test_a_missing_digest_at_both_ends_is_not_equal(tmp_path: Path) -> None:
    blind = table(file("/srv/data", digest=None))

    assert not guest_files.validate(blind, blind, (), tmp_path).passed


def test_a_filesystem_that_is_unreadable_at_both_ends_fails_whatever_may_change(tmp_path: Path) -> None:
    blind = table(file("", guest_path="", filesystem="vda:2", type="unreadable", link="xfs: mount failed"))

    verdict = guest_files.validate(blind, blind, ("/**", "**"), tmp_path)

    assert not verdict.passed
    assert sum("could not be read at the" in failure for failure in verdict.failures) == 2


def test_no_files_at_all_is_no_success(tmp_path: Path) -> None:
    verdict = guest_files.validate(to_table([]), to_table([]), (), tmp_path)

    assert not verdict.passed
    assert "No file was read" in verdict.failures[0]


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    twice = to_table([*ROWS.values(), file("/srv/data")])

    assert not guest_files.validate(twice, twice, (), tmp_path).passed


def test_twenty_names_and_the_count_of_the_rest(tmp_path: Path) -> None:
    after = to_table([*ROWS.values(), *(file(f"/new/{number:03}") for number in range(100))])

    (failure,) = guest_files.validate(table(), after, (), tmp_path).failures

    assert failure.startswith("100 files at the target but not at the source: /new/000 (vda:1), /new/001")
    assert "/new/019 (vda:1) and 80 more." in failure


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("/var/log/**", "/var/log/a/b", True),
        ("/var/log/**", "/var/log", True),
        ("/var/log/**", "/var/logs", False),
        ("/var/*/x", "/var/a/x", True),
        ("/var/*/x", "/var/a/b/x", False),
        ("/**/x", "/x", True),
        ("/**/x", "/a/b/x", True),
        ("/a?c", "/abc", True),
        ("/a?c", "/a/c", False),
        ("/a[0-9]", "/a7", True),
        ("/a[!0-9]", "/a7", False),
        ("/a[!0-9]", "/a/", False),
        ("/a.log", "/aXlog", False),
        ("/a(b", "/a(b", True),
        ("/*.log", "/x.log\n", False),
        ("/a[", "/a[", True),
    ],
)
def test_patterns_cover_what_a_shell_user_expects(pattern: str, path: str, covered: bool) -> None:
    assert bool(matcher([pattern]).match(path)) is covered


def test_no_pattern_covers_nothing() -> None:
    assert not matcher([]).match("/etc")
