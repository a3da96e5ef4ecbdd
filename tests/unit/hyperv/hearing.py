"""A guest of one sector that hears the power button: it counts on its disk how often, and then it is off."""

from pathlib import Path

import counting

from drover_lab.process import wait_until

_BOOTS = 1028  # where it counts how often it has booted
# Where QEMU's board has its power management: status, what is heard, and the order to turn off.
_CODE = (
    "31c0 8ed8 8ec0 8ed0 bc007c"  # ds = es = ss = 0, sp = 0x7c00
    "b80102 bb0080 b90300 ba8000 cd13"  # read the third sector to 0x8000
    "ba0206 b80001 ef"  # the button is heard
    "66ff060480"  # add one to the second number there
    "b80103 bb0080 b90300 ba8000 cd13"  # write both
    "fb f4"  # wait: for the clock's next tick
    "ba0006 ed f6c401 74f5"  # until the button was pressed
    "b80001 ef"  # it was heard
    "66ff060080"  # add one to the first number
    "b80103 bb0080 b90300 ba8000 cd13"  # write both
    "66813e0080{presses:02x}000000 72d3"  # wait again, if that was too few
    "ba0406 b80020 ef"  # off
    "ebfe"
)


def install(vhdx: Path, *, presses: int = 1) -> None:
    """On the disk of a machine of generation 1 that is off.

    :param presses: of the button, until it is off. With two it shuts down from the first to the second, however long.
    """
    counting.install(vhdx, bytes.fromhex(_CODE.format(presses=presses)))


def presses(vhdx: Path) -> int:
    """How often the guest has heard the button."""
    return counting.number(vhdx)


def wait(vhdx: Path, *, boots: int = 1) -> None:
    """Until it hears, having booted so often."""
    wait_until("the guest hears", lambda: counting.number(vhdx, at=_BOOTS) == boots, deadline=60, interval=0.05)
