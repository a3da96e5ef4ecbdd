"""Which machines of a host need one of these files: asked before any of them is removed."""

from collections.abc import Iterator, Sequence

from drover.hypervisors.hyperv import scripts
from drover.hypervisors.hyperv.session import Session

_LOOKING = 900.0


def users(session: Session, files: Sequence[str], *, besides: str | None) -> Iterator[tuple[str, str | None, str]]:
    """:param besides: the id of a machine that may have them.

    :returns: of every file of every other machine: the machine's name, which of `files` it is (None: of none), and why
        it cannot be told what that file lies upon ("": it can).
    """
    paths = {path.lower(): path for path in files}
    for one in scripts.run(session, "chains", deadline=_LOOKING, id=besides or ""):
        yield one["machine"], paths.get(one["path"].lower()), " ".join(one["problem"].split()).rstrip(".")
