package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Changed block tracking. ESXi notes each write; we keep the digests of each frozen state, and compare.

// trackingFile is where the digests of one state of a disk lie, beside the disk: `web-ctk-000003.vmdk`.
func trackingFile(disk Disk, number int) string {
	name := strings.TrimSuffix(filepath.Base(disk.Descriptor), ".vmdk")
	if match := deltaName.FindStringSubmatch(name); match != nil {
		name = match[1]
	}
	return filepath.Join(filepath.Dir(disk.Descriptor), fmt.Sprintf("%s-ctk-%06d.vmdk", name, number))
}

// track keeps what a frozen disk holds. :returns: the change id that stands for it.
func (c *Center) track(disk Disk) (string, error) {
	number := 1
	for ; ; number++ {
		if _, err := os.Stat(trackingFile(disk, number)); errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	table, err := c.digests(disk)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%d", disk.UUID, number), saveDigests(trackingFile(disk, number), table)
}

// tracked is what a disk held when it had this change id.
func tracked(disk Disk, id string) ([]blockDigest, error) {
	of, text, found := strings.Cut(id, "/")
	number, err := strconv.Atoi(text)
	if !found || err != nil || of != disk.UUID {
		return nil, fmt.Errorf("the change id '%s' is not one of this disk", id)
	}
	return loadDigests(trackingFile(disk, number))
}

// areasPerAnswer is how many are told at a time, as ESXi does not tell all of a large disk at once either.
const areasPerAnswer = 500

// QueryChangedDiskAreas tells which parts of a frozen disk are not as they were.
func (vm *VirtualMachine) QueryChangedDiskAreas(
	ctx *simulator.Context, req *types.QueryChangedDiskAreas) soap.HasFault {
	body := new(methods.QueryChangedDiskAreasBody)
	info, fault := vm.changedAreas(req)
	if fault != nil {
		body.Fault_ = simulator.Fault("", fault)
		return body
	}
	body.Res = &types.QueryChangedDiskAreasResponse{Returnval: *info}
	return body
}

func (vm *VirtualMachine) changedAreas(req *types.QueryChangedDiskAreas) (*types.DiskChangeInfo, types.BaseMethodFault) {
	devices := vm.Config.Hardware.Device
	if req.Snapshot != nil {
		snapshot, known := vm.center.registry().Get(*req.Snapshot).(*simulator.VirtualMachineSnapshot)
		if !known {
			return nil, &types.ManagedObjectNotFound{Obj: *req.Snapshot}
		}
		devices = snapshot.Config.Hardware.Device
	} else if vm.machine().process() != nil {
		return nil, &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: vm.Runtime.PowerState}
	}
	disks, fault := vm.center.disks(devices)
	if fault != nil {
		return nil, fault
	}
	for _, disk := range disks {
		if disk.Key != req.DeviceKey {
			continue
		}
		if req.StartOffset < 0 || req.StartOffset >= disk.Capacity {
			return nil, &types.InvalidArgument{InvalidProperty: "startOffset"}
		}
		if vm.Config.ChangeTrackingEnabled == nil || !*vm.Config.ChangeTrackingEnabled {
			return nil, fileFault(disk.Name, "changes of this disk are not tracked")
		}
		areas, err := vm.center.changed(disk, req.ChangeId)
		if err != nil {
			return nil, fileFault(disk.Name, err.Error())
		}
		return answer(areas, req.StartOffset, disk.Capacity), nil
	}
	return nil, &types.InvalidArgument{InvalidProperty: "deviceKey"}
}

func fileFault(name, why string) types.BaseMethodFault {
	return &types.FileFault{VimFault: types.VimFault{MethodFault: reason("%s: %s", name, why)}, File: name}
}

func (c *Center) changed(disk Disk, since string) ([]area, error) {
	if since == "*" {
		return allocated(disk)
	}
	before, err := tracked(disk, since)
	if err != nil {
		return nil, err
	}
	now := disk.device.Backing.(*types.VirtualDiskFlatVer2BackingInfo).ChangeId
	after, err := tracked(disk, now)
	if now == "" || err != nil {
		after, err = c.digests(disk)
	}
	if err != nil {
		return nil, err
	}
	return differences(before, after, disk.Capacity), nil
}

// answer is as much as is told at once, from an offset on.
func answer(areas []area, from, capacity int64) *types.DiskChangeInfo {
	info := &types.DiskChangeInfo{StartOffset: from, Length: capacity - from}
	for _, one := range areas {
		if one.end() <= from {
			continue
		}
		if len(info.ChangedArea) == areasPerAnswer {
			info.Length = one.Start - from
			break
		}
		start := max(one.Start, from)
		info.ChangedArea = append(info.ChangedArea, types.DiskChangeExtent{Start: start, Length: one.end() - start})
	}
	return info
}
