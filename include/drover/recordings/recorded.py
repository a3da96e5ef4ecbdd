"""Which kinds of hypervisors can be recorded."""

from collections.abc import Iterator

from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec
from drover.recordings.tape import Call


def calls(spec: ConnectionSpec) -> Iterator[Call]:
    """What the hypervisor behind the connection answers, scrubbed.

    :raises BadInputError: such a one cannot be recorded.
    """
    if spec.kind == "vsphere":
        from drover.recordings import vsphere

        yield from vsphere.record(spec)
    elif spec.kind == "hyperv":
        from drover.hypervisors.hyperv.session import Session
        from drover.recordings import hyperv

        with Session(spec) as session:
            yield from hyperv.record(session)
    else:
        raise BadInputError(
            f"What a connection of the type {spec.kind} answers cannot be recorded.",
            remedy="Name one of a Hyper-V host, or of a vCenter or an ESXi host.",
        )
