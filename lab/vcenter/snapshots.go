package main

import (
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// snapshotRequest is what both ways of asking for a snapshot say.
type snapshotRequest struct {
	name, description string
	quiesced          bool
}

// take freezes the machine's disks: what they hold stays as it is, and what is written goes to new files.
func (vm *VirtualMachine) take(ctx *simulator.Context, asked snapshotRequest) (types.AnyType, types.BaseMethodFault) {
	disks, fault := vm.center.disks(vm.Config.Hardware.Device)
	if fault != nil {
		return nil, fault
	}
	frozen, grown, err := vm.freeze(disks)
	if err != nil {
		return nil, systemError("the snapshot of %s: %v", vm.Name, err)
	}
	snapshot := &simulator.VirtualMachineSnapshot{}
	snapshot.Vm = vm.Self
	snapshot.Config = *vm.Config
	snapshot.Config.Hardware.Device = replaceDisks(vm.Config.Hardware.Device, frozen)
	if fault := vm.track(frozen, snapshot.Config.Hardware.Device, grown); fault != nil {
		return nil, fault
	}
	ref := vm.center.registry().Put(snapshot).Reference()
	item := types.VirtualMachineSnapshotTree{
		Snapshot: ref, Vm: vm.Self, Name: asked.name, Description: asked.description,
		Id: vm.center.nextSnapshot(), CreateTime: time.Now(), State: vm.Runtime.PowerState, Quiesced: asked.quiesced,
		ReplaySupported: types.NewBool(false),
	}
	var current *types.ManagedObjectReference
	var roots []types.VirtualMachineSnapshotTree
	if vm.Snapshot != nil {
		current, roots = vm.Snapshot.CurrentSnapshot, vm.Snapshot.RootSnapshotList
	}
	vm.setDevices(ctx, replaceDisks(vm.Config.Hardware.Device, grown))
	vm.setTree(ctx, insert(roots, current, item), &ref)
	return ref, nil
}

// freeze grows each disk that snapshots may touch. :returns: the disks as they are frozen, and as they go on.
func (vm *VirtualMachine) freeze(disks []Disk) (frozen, grown []Disk, err error) {
	for _, disk := range disks {
		if independent(disk) {
			continue
		}
		next, err := grow(disk)
		if err != nil {
			discard(grown)
			return nil, nil, err
		}
		frozen, grown = append(frozen, disk), append(grown, next)
	}
	if process := vm.machine().process(); process != nil && len(grown) > 0 {
		if err := process.freeze(grown); err != nil {
			discard(grown)
			return nil, nil, err
		}
	}
	return frozen, grown, nil
}

func discard(disks []Disk) {
	for _, disk := range disks {
		if err := removeDisk(disk); err != nil {
			log.Printf("%s: %v", disk.Name, err)
		}
	}
}

func independent(disk Disk) bool {
	mode := disk.device.Backing.(*types.VirtualDiskFlatVer2BackingInfo).DiskMode
	return mode == string(types.VirtualDiskModeIndependent_persistent) ||
		mode == string(types.VirtualDiskModeIndependent_nonpersistent)
}

// track gives the frozen disks their change ids, where changes are tracked.
func (vm *VirtualMachine) track(frozen []Disk, devices []types.BaseVirtualDevice, grown []Disk) types.BaseMethodFault {
	if vm.Config.ChangeTrackingEnabled == nil || !*vm.Config.ChangeTrackingEnabled {
		return nil
	}
	for index, disk := range frozen {
		id, err := vm.center.track(disk)
		if err != nil {
			return systemError("%s: %v", disk.Name, err)
		}
		for _, device := range devices {
			if known, isDisk := device.(*types.VirtualDisk); isDisk && known.Key == disk.Key {
				known.Backing.(*types.VirtualDiskFlatVer2BackingInfo).ChangeId = id
			}
		}
		// The machine's own disk shows the newest one, too.
		moved := *grown[index].device
		backing := *moved.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		backing.ChangeId = id
		moved.Backing = &backing
		grown[index].device = &moved
	}
	return nil
}

// replaceDisks is a list of devices in which the given disks have the files that they say; all else is as it was.
func replaceDisks(devices []types.BaseVirtualDevice, disks []Disk) []types.BaseVirtualDevice {
	replaced := make([]types.BaseVirtualDevice, len(devices))
	for index, device := range devices {
		replaced[index] = device
		old, isDisk := device.(*types.VirtualDisk)
		if !isDisk {
			continue
		}
		for _, disk := range disks {
			if disk.Key != old.Key {
				continue
			}
			fresh := *old
			backing := *disk.device.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
			if was := backing.FileName; was != disk.Name {
				below := backing
				below.ChangeId = ""
				backing.Parent = &below
			}
			backing.FileName = disk.Name
			fresh.Backing = &backing
			replaced[index] = &fresh
		}
	}
	return replaced
}

func (vm *VirtualMachine) setDevices(ctx *simulator.Context, devices []types.BaseVirtualDevice) {
	vm.center.update(ctx, vm.VirtualMachine, map[string]any{"config.hardware.device": devices})
	vm.RefreshStorageInfo(ctx, nil)
}

// setTree says which snapshots there are. :param current: the one that the machine goes on from; nil for none.
func (vm *VirtualMachine) setTree(
	ctx *simulator.Context, roots []types.VirtualMachineSnapshotTree, current *types.ManagedObjectReference) {
	var info *types.VirtualMachineSnapshotInfo
	var refs []types.ManagedObjectReference
	if len(roots) > 0 {
		info = &types.VirtualMachineSnapshotInfo{CurrentSnapshot: current, RootSnapshotList: roots}
		for _, root := range roots {
			refs = append(refs, root.Snapshot)
		}
	}
	vm.center.update(ctx, vm.VirtualMachine, map[string]any{"snapshot": info, "rootSnapshot": refs})
	for _, item := range flatten(roots) {
		var children []types.ManagedObjectReference
		for _, child := range item.ChildSnapshotList {
			children = append(children, child.Snapshot)
		}
		if snapshot, known := vm.center.registry().Get(item.Snapshot).(*simulator.VirtualMachineSnapshot); known {
			snapshot.ChildSnapshot = children
		}
	}
}

// insert is a copy of the tree with one more snapshot below the current one.
func insert(tree []types.VirtualMachineSnapshotTree, below *types.ManagedObjectReference,
	item types.VirtualMachineSnapshotTree) []types.VirtualMachineSnapshotTree {
	if below == nil {
		return append(append([]types.VirtualMachineSnapshotTree{}, tree...), item)
	}
	var copied []types.VirtualMachineSnapshotTree
	for _, one := range tree {
		if one.Snapshot == *below {
			one.ChildSnapshotList = append(append([]types.VirtualMachineSnapshotTree{}, one.ChildSnapshotList...), item)
		} else {
			one.ChildSnapshotList = insert(one.ChildSnapshotList, below, item)
			if len(one.ChildSnapshotList) == 0 {
				one.ChildSnapshotList = nil
			}
		}
		copied = append(copied, one)
	}
	return copied
}

// without is a copy of the tree without one snapshot; its children take its place, or go with it.
func without(tree []types.VirtualMachineSnapshotTree, gone types.ManagedObjectReference,
	children bool) []types.VirtualMachineSnapshotTree {
	var left []types.VirtualMachineSnapshotTree
	for _, one := range tree {
		if one.Snapshot == gone {
			if !children {
				left = append(left, one.ChildSnapshotList...)
			}
			continue
		}
		one.ChildSnapshotList = without(one.ChildSnapshotList, gone, children)
		left = append(left, one)
	}
	return left
}

func flatten(tree []types.VirtualMachineSnapshotTree) []types.VirtualMachineSnapshotTree {
	var found []types.VirtualMachineSnapshotTree
	for _, one := range tree {
		found = append(append(found, one), flatten(one.ChildSnapshotList)...)
	}
	return found
}

// parentOf is the snapshot above another in the tree; nil for a root.
func parentOf(tree []types.VirtualMachineSnapshotTree, child types.ManagedObjectReference) *types.ManagedObjectReference {
	for _, one := range flatten(tree) {
		for _, below := range one.ChildSnapshotList {
			if below.Snapshot == child {
				return &one.Snapshot
			}
		}
	}
	return nil
}

// forgetSnapshots takes snapshots out of the tree and the inventory, and then what only they needed off the disks.
func (vm *VirtualMachine) forgetSnapshots(
	ctx *simulator.Context, gone types.ManagedObjectReference, children bool) types.BaseMethodFault {
	if vm.Snapshot == nil {
		return &types.ManagedObjectNotFound{Obj: gone}
	}
	before := vm.Snapshot.RootSnapshotList
	current := vm.Snapshot.CurrentSnapshot
	parent := parentOf(before, gone)
	after := without(before, gone, children)
	left := map[types.ManagedObjectReference]bool{}
	for _, item := range flatten(after) {
		left[item.Snapshot] = true
	}
	if current != nil && !left[*current] {
		current = parent
	}
	vm.setTree(ctx, after, current)
	for _, item := range flatten(before) {
		if !left[item.Snapshot] {
			vm.center.registry().Remove(ctx, item.Snapshot)
		}
	}
	return vm.consolidate(ctx)
}

// consolidate merges or removes the files of the machine's disks that no snapshot needs.
func (vm *VirtualMachine) consolidate(ctx *simulator.Context) types.BaseMethodFault {
	if vm.center.faults.one(&vm.center.faults.KeepFiles) {
		vm.center.update(ctx, vm.VirtualMachine, map[string]any{"runtime.consolidationNeeded": true})
		return nil
	}
	disks, fault := vm.center.disks(vm.Config.Hardware.Device)
	if fault != nil {
		return fault
	}
	for _, disk := range disks {
		if independent(disk) {
			continue
		}
		if err := vm.consolidateDisk(ctx, disk); err != nil {
			vm.center.update(ctx, vm.VirtualMachine, map[string]any{"runtime.consolidationNeeded": true})
			return systemError("the disk %s: %v", disk.Name, err)
		}
	}
	vm.center.update(ctx, vm.VirtualMachine, map[string]any{"runtime.consolidationNeeded": false})
	vm.RefreshStorageInfo(ctx, nil)
	return nil
}

// family are the files of one disk: which lies upon which, and which are needed as they are.
type family struct {
	files    map[string]Disk // by descriptor
	parents  map[string]string
	children map[string][]string
	frozen   map[string][]*types.VirtualDisk // the snapshots' devices
	current  string
}

func (vm *VirtualMachine) family(current Disk) (*family, error) {
	known := &family{
		files: map[string]Disk{}, parents: map[string]string{}, children: map[string][]string{},
		frozen: map[string][]*types.VirtualDisk{}, current: current.Descriptor,
	}
	heads := []Disk{current}
	if vm.Snapshot != nil {
		for _, item := range flatten(vm.Snapshot.RootSnapshotList) {
			snapshot, isKnown := vm.center.registry().Get(item.Snapshot).(*simulator.VirtualMachineSnapshot)
			if !isKnown {
				continue
			}
			disks, fault := vm.center.disks(snapshot.Config.Hardware.Device)
			if fault != nil {
				return nil, errFault(fault)
			}
			for _, disk := range disks {
				if disk.Key == current.Key {
					heads = append(heads, disk)
					known.frozen[disk.Descriptor] = append(known.frozen[disk.Descriptor], disk.device)
				}
			}
		}
	}
	for _, head := range heads {
		if err := vm.center.climb(known, head); err != nil {
			return nil, err
		}
	}
	return known, vm.center.strays(known, current)
}

// climb adds a file and all below it.
func (c *Center) climb(known *family, disk Disk) error {
	for {
		if _, seen := known.files[disk.Descriptor]; seen {
			return nil
		}
		known.files[disk.Descriptor] = disk
		below, has, err := c.parent(disk)
		if err != nil || !has {
			return err
		}
		known.parents[disk.Descriptor] = below.Descriptor
		known.children[below.Descriptor] = append(known.children[below.Descriptor], disk.Descriptor)
		disk = below
	}
}

// strays adds the files that nobody leads to any more: what a snapshot removed with its children left.
func (c *Center) strays(known *family, current Disk) error {
	folder := filepath.Dir(current.Descriptor)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	stem := stemOf(current.Descriptor)
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if stemOf(path) != stem || path == filepath.Join(folder, stem+".vmdk") {
			continue
		}
		name := datastoreFolder(current) + entry.Name()
		disk, fault := c.disk(name)
		if fault != nil || disk.Format != "qcow2" {
			continue
		}
		disk.Key, disk.Capacity, disk.UUID, disk.device = current.Key, current.Capacity, current.UUID, current.device
		if err := c.climb(known, disk); err != nil {
			return err
		}
	}
	return nil
}
