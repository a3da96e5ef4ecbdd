"""What every kind of hypervisor does alike at its border with its libraries."""

import pytest

from drover.errors import BadInputError, DroverError, RetryableError
from drover.hypervisors.border import errors_by, one_line


def told(error: Exception) -> DroverError | None:
    return RetryableError("The host is gone.", remedy="Wait.") if isinstance(error, OSError) else None


def test_a_library_s_error_is_told_with_its_cause_and_all_others_go_through() -> None:
    with pytest.raises(RetryableError, match=r"The host is gone\.") as caught, errors_by(told):
        raise ConnectionResetError
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    ours = BadInputError("It is wrong.", remedy="Mend it.")
    for error in (ours, KeyError("a mistake of ours"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as same, errors_by(told):
            raise error
        assert same.value is error


@pytest.mark.parametrize(("text", "words"), [(None, ""), ("  a\n b. ", "a b"), (OSError("x.."), "x")])
def test_words_of_a_library_are_a_part_of_a_sentence(text: object, words: str) -> None:
    assert one_line(text) == words
