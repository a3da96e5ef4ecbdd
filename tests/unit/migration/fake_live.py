"""Fake hosts that move a running machine by themselves: one leaves it behind, off, the other takes it along."""

import dataclasses
from pathlib import Path

from fake_host import READ, FakeHost

from drover.errors import RetryableError
from drover.hypervisors.port import Hypervisor, LiveState, LiveStatus, TargetSettings
from drover.model import PowerState


class LiveFakeHost(FakeHost):
    """Moves a running machine by itself: at once, or up to where the test lets it go."""

    outcome = LiveState.DONE
    takes_along = False

    def start_live(
        self,
        name: str,
        target: Hypervisor,
        settings: TargetSettings,
        *,
        bandwidth: int | None,
        paused: bool,
    ) -> None:
        self._enter("start_live")
        assert isinstance(target, FakeHost)
        if self.outcome is LiveState.DONE and self.state(name) is PowerState.RUNNING:
            target.define(self.machine(name), settings)
            for disk, copy in zip(self.known[name].disks, target.known[name].disks, strict=True):
                Path(copy.path).write_bytes(Path(disk.path).read_bytes())
            self.change(name, state=PowerState.OFF)
            role = "target" if paused else "started"
            target.change(
                name,
                state=PowerState.PAUSED if paused else PowerState.RUNNING,
                ownership=dataclasses.replace(settings.owner, role=role),
            )

    def live_status(self, name: str, target: Hypervisor) -> LiveStatus:
        self._enter("live_status")
        return LiveStatus(self.outcome, done=10, total=10, downtime=0.1, message="the test said so")

    def cancel_live(self, name: str) -> None:
        self._enter("cancel_live")


class TakingFakeHost(LiveFakeHost):
    """Takes the machine along when it moves, as vMotion does: then the source does not know it any more.

    Where it is both ends, one manager with several hosts, the machine only changes its host.
    """

    takes_along = True

    def start_live(
        self,
        name: str,
        target: Hypervisor,
        settings: TargetSettings,
        *,
        bandwidth: int | None,
        paused: bool,
    ) -> None:
        self._enter("start_live")
        assert isinstance(target, TakingFakeHost)
        assert not paused
        if self.outcome is not LiveState.DONE:
            return
        here = self.known[name]
        assert here.state is PowerState.RUNNING
        if READ in here.snapshots:
            raise RetryableError("It has a checkpoint.", remedy="Remove it.")
        made = target.translated(here, settings)
        for disk, copy in zip(here.disks, made.disks, strict=True):
            if disk.path != copy.path:
                Path(disk.path).rename(copy.path)
        del self.known[name]
        target.known[name] = dataclasses.replace(
            made, state=PowerState.RUNNING, autostart=here.autostart, ownership=here.ownership
        )
