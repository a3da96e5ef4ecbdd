package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Checker stands in front of the simulator's, which finds that everything can move.
type Checker struct {
	*simulator.VmProvisioningChecker
	center *Center
}

// CheckRelocateTask tells what would keep a machine from moving, without moving it.
func (c *Checker) CheckRelocateTask(ctx *simulator.Context, req *types.CheckRelocate_Task) soap.HasFault {
	task := c.center.start(ctx, c, "checkRelocate", func(*simulator.Context, *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		entry, known := c.center.registry().Get(req.Vm).(*simulator.VirtualMachine)
		if !known {
			return nil, &types.ManagedObjectNotFound{Obj: req.Vm}
		}
		if c.center.faults.one(&c.center.faults.SilentChecks) {
			return types.ArrayOfCheckResult{}, nil
		}
		vm := &VirtualMachine{entry, c.center}
		result := types.CheckResult{Vm: &req.Vm, Host: req.Spec.Host}
		for _, fault := range vm.obstacles(&req.Spec) {
			result.Error = append(result.Error, *localized(fault))
		}
		if extra(vm.VirtualMachine, "drover.heartbeat") == "lost" {
			result.Warning = append(result.Warning, *localized(&types.NoGuestHeartbeat{
				MigrationFault: types.MigrationFault{VimFault: types.VimFault{MethodFault: reason(
					"no heartbeat comes from the guest of %s", vm.Name)}}}))
		}
		return types.ArrayOfCheckResult{CheckResult: []types.CheckResult{result}}, nil
	})
	return &methods.CheckRelocate_TaskBody{Res: &types.CheckRelocate_TaskResponse{Returnval: task}}
}

// obstacles are what keeps a machine from moving as asked; those of another vCenter are asked there.
func (vm *VirtualMachine) obstacles(spec *types.VirtualMachineRelocateSpec) []types.BaseMethodFault {
	found := vm.ownObstacles()
	if spec.Service != nil {
		there, fault := vm.center.reach(spec.Service)
		if fault != nil {
			return append(found, fault)
		}
		plan, fault := vm.plan(spec)
		if fault != nil {
			return append(found, fault)
		}
		if err := there.check(plan); err != nil {
			found = append(found, faultOf(err, vm.Name))
		}
		return found
	}
	disks, fault := vm.center.disks(vm.Config.Hardware.Device)
	if fault != nil {
		return append(found, fault)
	}
	if fault := vm.scattered(spec, disks); fault != nil {
		found = append(found, fault)
	}
	var bytes int64
	for _, disk := range disks {
		bytes += taken(disk.Extent)
	}
	return append(found, vm.center.placeObstacles(spec, vm, bytes)...)
}

// ownObstacles are those of the machine, wherever it goes.
func (vm *VirtualMachine) ownObstacles() []types.BaseMethodFault {
	var found []types.BaseMethodFault
	for _, device := range vm.Config.Hardware.Device {
		if _, isTPM := device.(*types.VirtualTPM); isTPM {
			found = append(found, vm.unsupported("virtual TPM", "its vTPM needs a key provider that both vCenters know"))
		}
	}
	if extra(vm.VirtualMachine, "drover.cpu") == "incompatible" {
		found = append(found, &types.CpuIncompatible{
			VirtualHardwareCompatibilityIssue: types.VirtualHardwareCompatibilityIssue{VmConfigFault: types.VmConfigFault{
				VimFault: types.VimFault{MethodFault: reason(
					"the processor of the target host lacks what %s uses", vm.Name)}}},
			Level: 1, RegisterName: "ecx",
		})
	}
	return found
}

func (vm *VirtualMachine) unsupported(device, why string) types.BaseMethodFault {
	return &types.DeviceNotSupported{
		VirtualHardwareCompatibilityIssue: types.VirtualHardwareCompatibilityIssue{VmConfigFault: types.VmConfigFault{
			VimFault: types.VimFault{MethodFault: reason("%s cannot move: %s", vm.Name, why)}}},
		Device: device,
	}
}

// placeObstacles are those of the place where it is to go. :param vm: nil where the machine comes from elsewhere.
func (c *Center) placeObstacles(
	spec *types.VirtualMachineRelocateSpec, vm *VirtualMachine, bytes int64) []types.BaseMethodFault {
	var found []types.BaseMethodFault
	if spec.Host != nil {
		host, known := c.registry().Get(*spec.Host).(*simulator.HostSystem)
		switch {
		case !known:
			found = append(found, &types.ManagedObjectNotFound{Obj: *spec.Host})
		case host.Runtime.InMaintenanceMode:
			found = append(found, invalidState("the host %s is in maintenance mode", host.Name))
		case host.Runtime.ConnectionState != types.HostSystemConnectionStateConnected:
			found = append(found, invalidState("the host %s is not connected", host.Name))
		}
	}
	if spec.Datastore != nil {
		store, known := c.registry().Get(*spec.Datastore).(*simulator.Datastore)
		switch {
		case !known:
			found = append(found, &types.ManagedObjectNotFound{Obj: *spec.Datastore})
		case vm != nil && len(vm.Datastore) > 0 && vm.Datastore[0] == *spec.Datastore:
		default:
			if fault := c.dataPath[store.Name].noRoom(bytes, fmt.Sprintf("[%s]", store.Name)); fault != nil {
				found = append(found, fault)
			}
		}
	}
	if spec.Pool != nil && c.registry().Get(*spec.Pool) == nil {
		found = append(found, &types.ManagedObjectNotFound{Obj: *spec.Pool})
	}
	return found
}
