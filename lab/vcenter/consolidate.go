package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

func errFault(fault types.BaseMethodFault) error {
	if fault == nil {
		return nil
	}
	if told := fault.GetMethodFault(); told != nil && len(told.FaultMessage) > 0 {
		return errors.New(told.FaultMessage[0].Message)
	}
	return errors.New(strings.TrimPrefix(fmt.Sprintf("%T", fault), "*types."))
}

// stemOf is the name that all files of one disk begin with.
func stemOf(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".vmdk")
	if match := deltaName.FindStringSubmatch(name); match != nil {
		return match[1]
	}
	return name
}

// datastoreFolder is where a disk lies, as the inventory writes it: "[datastore1] web/".
func datastoreFolder(disk Disk) string {
	return strings.TrimSuffix(disk.Name, filepath.Base(disk.Descriptor))
}

// step is what consolidation does next to one file.
type step struct {
	file  string
	merge bool // into the one below; else it is nobody's, and goes
}

// next finds a file that can go; false where all that is left is needed.
func (f *family) next() (step, bool) {
	for path := range f.files {
		needed := path == f.current || len(f.frozen[path]) > 0
		if !needed && len(f.children[path]) == 0 {
			return step{path, false}, true
		}
		below, has := f.parents[path]
		if has && below != f.current && len(f.frozen[below]) == 0 && len(f.children[below]) == 1 {
			return step{path, true}, true
		}
	}
	return step{}, false
}

// consolidateDisk brings the files of a disk down to those that are needed, step by step.
func (vm *VirtualMachine) consolidateDisk(ctx *simulator.Context, current Disk) error {
	for {
		known, err := vm.family(current)
		if err != nil {
			return err
		}
		todo, any := known.next()
		if !any {
			return nil
		}
		file := known.files[todo.file]
		if !todo.merge {
			if _, isBase := known.parents[todo.file]; !isBase {
				return fmt.Errorf("%s is nobody's, and is a base", file.Name)
			}
			if err := removeDisk(file); err != nil {
				return err
			}
			continue
		}
		lower := known.files[known.parents[todo.file]]
		var above []Disk
		for _, path := range known.children[todo.file] {
			above = append(above, known.files[path])
		}
		process, top := vm.machine().process(), ""
		if process != nil && known.leads(current.Descriptor, todo.file) {
			if top, err = process.top(current.Key); err != nil {
				return err
			}
		}
		if err := merge(process, top, file, lower, above); err != nil {
			return err
		}
		for _, device := range known.frozen[todo.file] {
			renameBacking(device, lower.Name)
		}
		if todo.file == current.Descriptor {
			below := current
			below.Name = lower.Name
			vm.setDevices(ctx, rebase(vm.Config.Hardware.Device, current.Key, lower.Name))
			fresh, fault := vm.center.disk(lower.Name)
			if fault != nil {
				return errFault(fault)
			}
			fresh.Key, fresh.Capacity, fresh.UUID, fresh.device = current.Key, current.Capacity, current.UUID, current.device
			current = fresh
		}
	}
}

// leads tells whether a file is below another, or is it.
func (f *family) leads(from, to string) bool {
	for at, has := from, true; has; at, has = f.parents[at], f.parents[at] != "" {
		if at == to {
			return true
		}
	}
	return false
}

func renameBacking(device *types.VirtualDisk, name string) {
	device.Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName = name
}

// rebase is a list of devices in which one disk has another file, which is what was below it.
func rebase(devices []types.BaseVirtualDevice, key int32, name string) []types.BaseVirtualDevice {
	replaced := make([]types.BaseVirtualDevice, len(devices))
	for index, device := range devices {
		replaced[index] = device
		if old, isDisk := device.(*types.VirtualDisk); isDisk && old.Key == key {
			fresh := *old
			backing := *old.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
			for backing.Parent != nil && backing.FileName != name {
				id := backing.ChangeId
				backing = *backing.Parent
				backing.ChangeId = id
			}
			backing.FileName = name
			fresh.Backing = &backing
			replaced[index] = &fresh
		}
	}
	return replaced
}

// revert brings the machine back to what a snapshot froze. It is off then: no snapshot of ours holds memory.
func (vm *VirtualMachine) revert(ctx *simulator.Context, ref types.ManagedObjectReference) types.BaseMethodFault {
	snapshot, known := vm.center.registry().Get(ref).(*simulator.VirtualMachineSnapshot)
	if !known {
		return &types.ManagedObjectNotFound{Obj: ref}
	}
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		if fault := vm.powerOff(ctx, &types.PowerOffVM_Task{This: vm.Self}); fault != nil {
			return fault
		}
	}
	frozen, fault := vm.center.disks(snapshot.Config.Hardware.Device)
	if fault != nil {
		return fault
	}
	var grown []Disk
	for _, disk := range frozen {
		if independent(disk) {
			continue
		}
		next, err := grow(disk)
		if err != nil {
			discard(grown)
			return systemError("%s: %v", disk.Name, err)
		}
		grown = append(grown, next)
	}
	vm.setDevices(ctx, replaceDisks(snapshot.Config.Hardware.Device, grown))
	vm.center.update(ctx, vm.VirtualMachine, map[string]any{
		"config.hardware.memoryMB": snapshot.Config.Hardware.MemoryMB,
		"config.hardware.numCPU":   snapshot.Config.Hardware.NumCPU,
		"snapshot.currentSnapshot": &ref,
	})
	return vm.consolidate(ctx)
}
