"""What libguestfs boots, where this machine's own kernel cannot be read."""

from pathlib import Path

from drover_lab import kernel, kvm, state


def appliance_environment() -> dict[str, str]:
    """What libguestfs must find in its environment to start where no kernel is installed and no KVM works.

    Its appliance (built once, some seconds) is kept beside the kernel.
    """
    linux = kernel.ensure()
    cache = state.CACHE / "libguestfs"
    cache.mkdir(parents=True, exist_ok=True)
    # supermin takes the modules from where we say, and owner and mode of their folder from here.
    Path("/lib/modules").mkdir(parents=True, exist_ok=True)
    settings = {
        "SUPERMIN_KERNEL": str(linux.image),
        "SUPERMIN_MODULES": str(linux.modules),
        "SUPERMIN_KERNEL_VERSION": linux.release,
        "LIBGUESTFS_BACKEND": "direct",
        "LIBGUESTFS_CACHEDIR": str(cache),
    }
    return settings if kvm.works() else {**settings, "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
