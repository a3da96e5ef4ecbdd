"""The one text that is ever on a command line in Windows, and how answers are read. No host is needed for that."""

import base64
import json

import pytest

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv import bootstrap


def test_the_bootstrap_is_plain_text_for_cmd() -> None:
    """Base64 and switches: nothing in it means anything to cmd.exe."""
    line = bootstrap.command_line()
    encoded = line.rpartition(" ")[2]
    assert base64.b64decode(encoded).decode("utf-16-le") == bootstrap._SCRIPT
    assert set(line) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= .-")


def encoded(value: object) -> bytes:
    return bootstrap.ANSWER.encode() + base64.b64encode(json.dumps(value).encode())


def test_an_answer_may_be_wrapped_and_have_words_before_it() -> None:
    whole = encoded({"ok": True, "value": ["ä" * 200]})
    wrapped = b"\r\n".join(whole[at : at + 80] for at in range(0, len(whole), 80))
    found = bootstrap.answer("hv", b"Gr\x94\xe1e\r\n" + bootstrap.ANSWER.encode() + wrapped[14:] + b"\r\n", b"", 0)
    assert found == {"ok": True, "value": ["ä" * 200]}


@pytest.mark.parametrize(
    "out", [b"", b"hello", encoded([1]), encoded({"ok": "yes"}), bootstrap.ANSWER.encode() + b"%%"]
)
def test_what_is_no_answer_is_not_taken_for_one(out: bytes) -> None:
    with pytest.raises(OperatorNeededError, match="^PowerShell on hv ended with 0 and gave no answer: "):
        bootstrap.answer("hv", out, b"", 0)


def test_progress_is_no_error() -> None:
    progress = '<Objs Version="1.1.0.1"><Obj S="progress" RefId="0"><TN RefId="0"><T>x</T></TN></Obj></Objs>'
    assert bootstrap.error_text(b"#< CLIXML\r\n" + progress.encode()) == ""
    assert (
        bootstrap.error_text(b'<Objs><S S="Error">a &lt;b&gt;_x000D__x000A_</S><S S="Error">c.</S></Objs>') == "a <b> c"
    )
