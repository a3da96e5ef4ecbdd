from factory import CRITICAL, GIB, ask, categories, is_unknown, preflight

from drover.concerns import backup_folder as concern
from drover.concerns.preflight import FolderFacts


def test_a_folder_with_space_is_no_concern():
    assert categories(concern, preflight(folder=FolderFacts("/b", True, GIB))) == []


def test_too_little_space_blocks():
    assert categories(concern, preflight(folder=FolderFacts("/b", True, GIB - 1))) == [CRITICAL]


def test_a_folder_that_cannot_be_written_blocks():
    assert categories(concern, preflight(folder=FolderFacts("/b", False, GIB))) == [CRITICAL]


def test_space_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(folder=FolderFacts("/b", True, None))))
