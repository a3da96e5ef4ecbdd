"""One end of a copy: an NBD export of guest-visible bytes, wherever the disk lives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An NBD export that any number of connections may be opened to while its owner keeps it up.

    :param uri: an NBD URI (`nbd+unix:///name?socket=/path`), good for libnbd, nbdcopy, qemu and libguestfs alike.
    :param label: what a person calls it: `machine web, disk vda on kvm-a`.
    :param size: bytes, where the owner knows it beforehand; 0 means that the export itself is asked.
    :param version: changes whenever the bytes may have changed (an image's mtime and inode); a journal is bound to
        it, so that a resumed copy never mixes two states of a disk. Empty where nobody can tell: never resume then.
    """

    uri: str
    label: str
    read_only: bool = True
    size: int = 0
    version: str = ""
