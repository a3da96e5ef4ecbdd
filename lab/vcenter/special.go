package main

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// What machines may have that the simulator does not know: raw device mappings, over which it falls, and fault
// tolerance. They are said in the inventory and nothing else: no LUN is behind the one, no twin beside the other.

// rawMapping is the backing of a disk that stands for a LUN.
type rawMapping = types.VirtualDiskRawDiskMappingVer1BackingInfo

// withoutMappings has the simulator make ordinary disks in the place of raw device mappings. :returns: them, by disk.
func withoutMappings(changes []types.BaseVirtualDeviceConfigSpec) map[*types.VirtualDisk]*rawMapping {
	found := map[*types.VirtualDisk]*rawMapping{}
	for _, change := range changes {
		disk, isDisk := change.GetVirtualDeviceConfigSpec().Device.(*types.VirtualDisk)
		if !isDisk {
			continue
		}
		if raw, isRaw := disk.Backing.(*rawMapping); isRaw {
			found[disk] = raw
			disk.Backing = flat(raw)
		}
	}
	return found
}

// special says of a new machine what it was to be.
func (c *Center) special(ctx *simulator.Context, vm *simulator.VirtualMachine, raw map[*types.VirtualDisk]*rawMapping) {
	devices := slices.Clone(vm.Config.Hardware.Device)
	for index, device := range devices {
		disk, isDisk := device.(*types.VirtualDisk)
		if mapping := raw[disk]; isDisk && mapping != nil {
			fresh := *disk
			mapping.VirtualDeviceFileBackingInfo = disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).VirtualDeviceFileBackingInfo
			fresh.Backing = mapping
			devices[index] = &fresh
		}
	}
	changes := map[string]any{"config.hardware.device": devices}
	if state := extra(vm, "drover.ft"); state != "" {
		changes["runtime.faultToleranceState"] = types.VirtualMachineFaultToleranceState(state)
	}
	c.update(ctx, vm, changes)
}

// ordinary has the simulator see ordinary disks again: it falls over a raw device mapping when it removes the machine.
func (c *Center) ordinary(ctx *simulator.Context, vm *simulator.VirtualMachine) {
	devices := slices.Clone(vm.Config.Hardware.Device)
	for index, device := range devices {
		disk, isDisk := device.(*types.VirtualDisk)
		if !isDisk {
			continue
		}
		if raw, isRaw := disk.Backing.(*rawMapping); isRaw {
			fresh := *disk
			fresh.Backing = flat(raw)
			devices[index] = &fresh
		}
	}
	c.update(ctx, vm, map[string]any{"config.hardware.device": devices})
}

func flat(raw *rawMapping) *types.VirtualDiskFlatVer2BackingInfo {
	return &types.VirtualDiskFlatVer2BackingInfo{
		VirtualDeviceFileBackingInfo: raw.VirtualDeviceFileBackingInfo, DiskMode: raw.DiskMode}
}
