package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Host stands in front of the simulator's.
type Host struct {
	*simulator.HostSystem
	center *Center
}

// EnterMaintenanceModeTask waits, as vCenter without DRS does, until no machine runs on the host.
func (h *Host) EnterMaintenanceModeTask(ctx *simulator.Context, req *types.EnterMaintenanceMode_Task) soap.HasFault {
	task := h.center.start(ctx, h, "enterMaintenanceMode", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		begun := time.Now()
		for h.occupied() {
			if req.Timeout > 0 && time.Since(begun) > time.Duration(req.Timeout)*time.Second {
				return nil, &types.Timedout{VimFault: types.VimFault{MethodFault: reason(
					"machines still run on the host %s", h.Name)}}
			}
			time.Sleep(200 * time.Millisecond)
		}
		return h.center.await(taskOf(h.HostSystem.EnterMaintenanceModeTask(ctx, req)))
	})
	return &methods.EnterMaintenanceMode_TaskBody{Res: &types.EnterMaintenanceMode_TaskResponse{Returnval: task}}
}

func (h *Host) occupied() bool {
	for _, ref := range h.Vm {
		vm, known := h.center.registry().Get(ref).(*simulator.VirtualMachine)
		if known && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			return true
		}
	}
	return false
}
