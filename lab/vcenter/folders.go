package main

import (
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Folder stands in front of the simulator's: it refuses what vCenter refuses, and gives new disks their length.
type Folder struct {
	*simulator.Folder
	center *Center
}

const longestName = 80

// taken is the fault for a name that something else in the folder has, or that is too long.
func (f *Folder) taken(name string) types.BaseMethodFault {
	if len([]rune(name)) > longestName {
		return &types.InvalidName{
			VimFault: types.VimFault{MethodFault: reason("the name '%s' is longer than %d characters", name, longestName)},
			Name:     name,
		}
	}
	if found := f.center.registry().FindByName(name, f.ChildEntity); found != nil {
		return &types.DuplicateName{
			VimFault: types.VimFault{MethodFault: reason("the name '%s' already exists", name)},
			Name:     name, Object: found.Reference(),
		}
	}
	return nil
}

// CreateVMTask makes a machine, with room for its disks.
func (f *Folder) CreateVMTask(ctx *simulator.Context, req *types.CreateVM_Task) soap.HasFault {
	task := f.center.start(ctx, f, "createVm", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return f.createVM(ctx, req)
	})
	return &methods.CreateVM_TaskBody{Res: &types.CreateVM_TaskResponse{Returnval: task}}
}

func (f *Folder) createVM(ctx *simulator.Context, req *types.CreateVM_Task) (types.AnyType, types.BaseMethodFault) {
	name := escaped(req.Config.Name)
	if fault := f.taken(name); fault != nil {
		return nil, fault
	}
	req.Config.Name = plain(name)
	if fault := f.center.hasRoom(req.Config.DeviceChange, req.Config.Files); fault != nil {
		return nil, fault
	}
	raw := withoutMappings(req.Config.DeviceChange)
	result, fault := f.center.await(taskOf(f.Folder.CreateVMTask(ctx, req)))
	if fault != nil {
		return nil, fault
	}
	made := f.center.registry().Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	f.center.named(ctx, made, name)
	f.center.ownDevices(ctx, made)
	f.center.special(ctx, made, raw)
	if fault := f.center.fill(made); fault != nil {
		return nil, fault
	}
	return result, nil
}

// RegisterVMTask brings a machine's files back into the inventory.
func (f *Folder) RegisterVMTask(ctx *simulator.Context, req *types.RegisterVM_Task) soap.HasFault {
	if fault := f.taken(req.Name); req.Name != "" && fault != nil {
		return &methods.RegisterVM_TaskBody{Fault_: simulator.Fault("", fault)}
	}
	return f.Folder.RegisterVMTask(ctx, req)
}

// hasRoom asks whether the disks that are to be made have room where they are to lie.
func (c *Center) hasRoom(
	changes []types.BaseVirtualDeviceConfigSpec, files *types.VirtualMachineFileInfo) types.BaseMethodFault {
	needed := map[string]int64{}
	for _, change := range changes {
		spec := change.GetVirtualDeviceConfigSpec()
		disk, isDisk := spec.Device.(*types.VirtualDisk)
		if !isDisk || spec.FileOperation != types.VirtualDeviceConfigSpecFileOperationCreate {
			continue
		}
		backing, isFlat := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		if !isFlat || backing.ThinProvisioned != nil && *backing.ThinProvisioned {
			continue
		}
		var place object.DatastorePath
		if !place.FromString(backing.FileName) && files != nil {
			place.FromString(files.VmPathName)
		}
		needed[place.Datastore] += max(disk.CapacityInBytes, disk.CapacityInKB*1024)
	}
	for name, bytes := range needed {
		if store := c.dataPath[name]; store != nil {
			if fault := store.noRoom(bytes, "["+name+"]"); fault != nil {
				return fault
			}
		}
	}
	return nil
}

// RenameTask refuses a name that is taken.
func (vm *VirtualMachine) RenameTask(ctx *simulator.Context, req *types.Rename_Task) soap.HasFault {
	if fault := vm.taken(req.NewName); fault != nil {
		return &methods.Rename_TaskBody{Fault_: simulator.Fault("", fault)}
	}
	return vm.VirtualMachine.RenameTask(ctx, req)
}

func (vm *VirtualMachine) taken(name string) types.BaseMethodFault {
	folder, isFolder := vm.center.registry().Get(*vm.Parent).(*simulator.Folder)
	if !isFolder || name == vm.Name {
		return nil
	}
	return (&Folder{folder, vm.center}).taken(name)
}

// ReconfigVMTask changes a machine that is off as the simulator does, with room and length for new disks.
func (vm *VirtualMachine) ReconfigVMTask(ctx *simulator.Context, req *types.ReconfigVM_Task) soap.HasFault {
	task := vm.center.start(ctx, vm, "reconfigVm", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return vm.machine().exclusively(func() (types.AnyType, types.BaseMethodFault) {
			return nil, vm.reconfigure(ctx, req)
		})
	})
	return &methods.ReconfigVM_TaskBody{Res: &types.ReconfigVM_TaskResponse{Returnval: task}}
}

func (vm *VirtualMachine) reconfigure(ctx *simulator.Context, req *types.ReconfigVM_Task) types.BaseMethodFault {
	if req.Spec.Name != "" {
		if fault := vm.taken(req.Spec.Name); fault != nil {
			return fault
		}
	}
	if vm.machine().process() != nil && (len(req.Spec.DeviceChange) > 0 || req.Spec.MemoryMB != 0 || req.Spec.NumCPUs != 0) {
		// ESXi can do some of it; the lab's hosts can do none, and say so rather than pretend.
		return &types.InvalidPowerState{
			InvalidState: types.InvalidState{VimFault: types.VimFault{MethodFault: reason(
				"the lab changes the hardware of %s only while it is off", vm.Name)}},
			RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: vm.Runtime.PowerState,
		}
	}
	if fault := vm.center.hasRoom(req.Spec.DeviceChange, &vm.Config.Files); fault != nil {
		return fault
	}
	if _, fault := vm.center.await(taskOf(vm.VirtualMachine.ReconfigVMTask(ctx, req))); fault != nil {
		return fault
	}
	return vm.center.fill(vm.VirtualMachine)
}

// DestroyTask removes a machine that is off, and all its files.
func (vm *VirtualMachine) DestroyTask(ctx *simulator.Context, req *types.Destroy_Task) soap.HasFault {
	task := vm.center.start(ctx, vm, "destroy", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return vm.machine().exclusively(func() (types.AnyType, types.BaseMethodFault) {
			vm.center.ordinary(ctx, vm.VirtualMachine)
			return vm.center.await(taskOf(vm.VirtualMachine.DestroyTask(ctx, req)))
		})
	})
	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: task}}
}
