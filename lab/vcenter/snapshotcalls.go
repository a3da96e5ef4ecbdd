package main

import (
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Snapshot stands in front of the simulator's.
type Snapshot struct {
	*simulator.VirtualMachineSnapshot
	center *Center
}

func (s *Snapshot) machine() *VirtualMachine {
	return &VirtualMachine{s.center.registry().Get(s.Vm).(*simulator.VirtualMachine), s.center}
}

func (c *Center) nextSnapshot() int32 { return atomic.AddInt32(&c.snapshots, 1) }

// operation runs work on the machine as a task, while nobody else changes it.
func (vm *VirtualMachine) operation(ctx *simulator.Context, name string,
	do func(*simulator.Context, *simulator.Task) (types.AnyType, types.BaseMethodFault)) types.ManagedObjectReference {
	return vm.center.start(ctx, vm, name, func(ctx *simulator.Context, task *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return vm.machine().exclusively(func() (types.AnyType, types.BaseMethodFault) { return do(ctx, task) })
	})
}

// linger makes a snapshot take as long as the lab wants.
func (c *Center) linger() {
	time.Sleep(time.Duration(c.faults.get().SlowSnapshots) * time.Millisecond)
}

// CreateSnapshotTask freezes the disks.
func (vm *VirtualMachine) CreateSnapshotTask(ctx *simulator.Context, req *types.CreateSnapshot_Task) soap.HasFault {
	task := vm.operation(ctx, "createSnapshot", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		vm.center.linger()
		return vm.take(ctx, snapshotRequest{req.Name, req.Description, req.Quiesce})
	})
	return &methods.CreateSnapshot_TaskBody{Res: &types.CreateSnapshot_TaskResponse{Returnval: task}}
}

// CreateSnapshotExTask freezes the disks.
func (vm *VirtualMachine) CreateSnapshotExTask(ctx *simulator.Context, req *types.CreateSnapshotEx_Task) soap.HasFault {
	task := vm.operation(ctx, "createSnapshotEx", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		vm.center.linger()
		return vm.take(ctx, snapshotRequest{req.Name, req.Description, req.QuiesceSpec != nil})
	})
	return &methods.CreateSnapshotEx_TaskBody{Res: &types.CreateSnapshotEx_TaskResponse{Returnval: task}}
}

// RemoveAllSnapshotsTask leaves the machine as it is now, without its past.
func (vm *VirtualMachine) RemoveAllSnapshotsTask(
	ctx *simulator.Context, _ *types.RemoveAllSnapshots_Task) soap.HasFault {
	task := vm.operation(ctx, "removeAllSnapshots", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		for vm.Snapshot != nil && len(vm.Snapshot.RootSnapshotList) > 0 {
			if fault := vm.forgetSnapshots(ctx, vm.Snapshot.RootSnapshotList[0].Snapshot, true); fault != nil {
				return nil, fault
			}
		}
		return nil, nil
	})
	return &methods.RemoveAllSnapshots_TaskBody{Res: &types.RemoveAllSnapshots_TaskResponse{Returnval: task}}
}

// ConsolidateVMDisksTask merges what no snapshot needs.
func (vm *VirtualMachine) ConsolidateVMDisksTask(
	ctx *simulator.Context, _ *types.ConsolidateVMDisks_Task) soap.HasFault {
	task := vm.operation(ctx, "consolidateDisks", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return nil, vm.consolidate(ctx)
	})
	return &methods.ConsolidateVMDisks_TaskBody{Res: &types.ConsolidateVMDisks_TaskResponse{Returnval: task}}
}

// RevertToCurrentSnapshotTask goes back to the newest snapshot.
func (vm *VirtualMachine) RevertToCurrentSnapshotTask(
	ctx *simulator.Context, _ *types.RevertToCurrentSnapshot_Task) soap.HasFault {
	body := new(methods.RevertToCurrentSnapshot_TaskBody)
	if vm.VirtualMachine.Snapshot == nil || vm.VirtualMachine.Snapshot.CurrentSnapshot == nil {
		body.Fault_ = simulator.Fault("", &types.NotFound{})
		return body
	}
	current := *vm.VirtualMachine.Snapshot.CurrentSnapshot
	task := vm.operation(ctx, "revertToCurrentSnapshot", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return nil, vm.revert(ctx, current)
	})
	body.Res = &types.RevertToCurrentSnapshot_TaskResponse{Returnval: task}
	return body
}

// RemoveSnapshotTask removes one snapshot, and those below it if asked to.
func (s *Snapshot) RemoveSnapshotTask(ctx *simulator.Context, req *types.RemoveSnapshot_Task) soap.HasFault {
	vm := s.machine()
	task := vm.operation(ctx, "removeSnapshot", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		vm.center.linger()
		return nil, vm.forgetSnapshots(ctx, s.Self, req.RemoveChildren)
	})
	return &methods.RemoveSnapshot_TaskBody{Res: &types.RemoveSnapshot_TaskResponse{Returnval: task}}
}

// RevertToSnapshotTask goes back to it.
func (s *Snapshot) RevertToSnapshotTask(ctx *simulator.Context, _ *types.RevertToSnapshot_Task) soap.HasFault {
	vm := s.machine()
	task := vm.operation(ctx, "revertToSnapshot", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return nil, vm.revert(ctx, s.Self)
	})
	return &methods.RevertToSnapshot_TaskBody{Res: &types.RevertToSnapshot_TaskResponse{Returnval: task}}
}
