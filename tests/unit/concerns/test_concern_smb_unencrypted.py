from factory import WARNING, ask, categories, is_unknown, preflight

from drover.concerns import smb_unencrypted as concern
from drover.hypervisors.connection import ConnectionSpec


def host(**extra):
    return {"a": ConnectionSpec("a", "hyperv", "hv1", extra=extra)}


def test_encryption_is_no_concern():
    assert categories(concern, preflight(connections=host())) == []
    assert categories(concern, preflight(connections=host(smb_encrypt="True"))) == []
    assert categories(concern, preflight(connections={"a": None})) == []
    assert categories(concern, preflight()) == [], "libvirt's disks go through SSH"


def test_turning_it_off_is_told():
    assert categories(concern, preflight(connections=host(smb_encrypt=False))) == [WARNING]
    assert categories(concern, preflight(connections=host(smb_encrypt="false"))) == [WARNING]


def test_what_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(connections=host(smb_encrypt="maybe"))))
