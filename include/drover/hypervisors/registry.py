"""Which hypervisor stands behind which kind of connection."""

from importlib import import_module

from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Hypervisor, Opener

# Imported when first used: an SDK costs up to a second, and most commands need one of them at most.
_OPENERS = {
    "libvirt": "drover.hypervisors.libvirt",
    "vsphere": "drover.hypervisors.vsphere",
    "hyperv": "drover.hypervisors.hyperv",
}


def kinds() -> frozenset[str]:
    """The connection types that a hypervisor stands behind."""
    return frozenset(_OPENERS)


def connect(spec: ConnectionSpec) -> Hypervisor:
    """Opens the hypervisor of this connection.

    :raises BadInputError: no hypervisor of ours has this connection type.
    :raises RetryableError: the host does not answer.
    :raises OperatorNeededError: it answers and refuses: credentials, host key, certificate.
    """
    module = _OPENERS.get(spec.kind)
    if module is None:
        raise BadInputError(
            f"The connection '{spec.id}' has the type '{spec.kind}', which is no hypervisor that Drover knows.",
            remedy=f"Use a connection of one of these types: {', '.join(sorted(_OPENERS))}.",
        )
    opener: Opener = import_module(module).connect
    return opener(spec)
