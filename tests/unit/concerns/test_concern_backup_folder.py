from factory import CRITICAL, GIB, ask, categories, preflight

from drover.concerns import backup_folder as concern
from drover.concerns.preflight import FolderFacts


def test_a_folder_that_can_be_written_is_no_concern():
    assert categories(concern, preflight(folder=FolderFacts("/b", True, GIB))) == []


def test_a_folder_that_cannot_be_written_blocks():
    assert categories(concern, preflight(folder=FolderFacts("/b", False, GIB))) == [CRITICAL]


def test_an_object_store_that_cannot_be_used_blocks_and_says_why():
    (found,) = ask(concern, preflight(folder=FolderFacts("/b", True, GIB, "s3://c@b/x cannot be used: No.")))
    assert found.category is CRITICAL
    assert found.assessment.startswith("The object store s3://c@b/x cannot be used: No. Without a verified backup")
