from factory import CRITICAL, GIB, categories, preflight

from drover.concerns import backup_folder as concern
from drover.concerns.preflight import FolderFacts


def test_a_folder_that_can_be_written_is_no_concern():
    assert categories(concern, preflight(folder=FolderFacts("/b", True, GIB))) == []


def test_a_folder_that_cannot_be_written_blocks():
    assert categories(concern, preflight(folder=FolderFacts("/b", False, GIB))) == [CRITICAL]
