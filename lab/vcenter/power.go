package main

import (
	"log"
	"os/exec"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// VirtualMachine stands in front of the simulator's: what it does to a machine, it does to the process too.
type VirtualMachine struct {
	*simulator.VirtualMachine
	center *Center
}

func (vm *VirtualMachine) machine() *Machine { return vm.center.machine(vm.Self) }

// taskOf is the task that an answer of the simulator's points at.
func taskOf(answer soap.HasFault) types.ManagedObjectReference {
	switch body := answer.(type) {
	case *methods.PowerOnVM_TaskBody:
		return body.Res.Returnval
	case *methods.PowerOffVM_TaskBody:
		return body.Res.Returnval
	case *methods.SuspendVM_TaskBody:
		return body.Res.Returnval
	case *methods.Destroy_TaskBody:
		return body.Res.Returnval
	case *methods.ReconfigVM_TaskBody:
		return body.Res.Returnval
	case *methods.CreateVM_TaskBody:
		return body.Res.Returnval
	case *methods.RegisterVM_TaskBody:
		return body.Res.Returnval
	case *methods.Rename_TaskBody:
		return body.Res.Returnval
	case *methods.CloneVM_TaskBody:
		return body.Res.Returnval
	case *methods.EnterMaintenanceMode_TaskBody:
		return body.Res.Returnval
	}
	panic("an answer without a task")
}

// PowerOnVMTask boots the machine's disks.
func (vm *VirtualMachine) PowerOnVMTask(ctx *simulator.Context, req *types.PowerOnVM_Task) soap.HasFault {
	if vm.Config.Template {
		return vm.VirtualMachine.PowerOnVMTask(ctx, req)
	}
	task := vm.center.start(ctx, vm, "powerOn", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return vm.machine().exclusively(func() (types.AnyType, types.BaseMethodFault) {
			return nil, vm.powerOn(ctx, req)
		})
	})
	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: task}}
}

func (vm *VirtualMachine) powerOn(ctx *simulator.Context, req *types.PowerOnVM_Task) types.BaseMethodFault {
	before := vm.Runtime.PowerState
	if before == types.VirtualMachinePowerStatePoweredOn {
		return &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOn, ExistingState: before}
	}
	host := vm.center.registry().Get(*vm.Runtime.Host).(*simulator.HostSystem)
	if host.Runtime.InMaintenanceMode {
		return invalidState("the host %s is in maintenance mode", host.Name)
	}
	machine := vm.machine()
	process := machine.process()
	if process == nil {
		arguments, adapters, fault := vm.center.hardware(vm.VirtualMachine)
		if fault != nil {
			return fault
		}
		started, err := vm.center.launch(vm.Config.Uuid, vm.Name, arguments)
		if err != nil {
			return systemError("%s does not start: %v", vm.Name, err)
		}
		if err := plug(adapters); err != nil {
			started.kill()
			return systemError("%s has no network: %v", vm.Name, err)
		}
		machine.runs(started)
		process = started
	}
	if err := process.line.run("cont", nil, nil); err != nil {
		return systemError("%s does not run: %v", vm.Name, err)
	}
	if _, fault := vm.center.await(taskOf(vm.VirtualMachine.PowerOnVMTask(ctx, req))); fault != nil {
		machine.kill()
		return fault
	}
	vm.center.tools(ctx, vm.VirtualMachine, true)
	log.Printf("%s runs as process %d", vm.Name, process.record.PID)
	return nil
}

// plug connects what QEMU made to the networks.
func plug(adapters []adapter) error {
	for _, one := range adapters {
		commands := [][]string{{"link", "set", one.tap, "up"}}
		if one.bridge != "" {
			commands = append(commands, []string{"link", "set", one.tap, "master", one.bridge})
		}
		for _, command := range commands {
			if output, err := exec.Command("ip", command...).CombinedOutput(); err != nil {
				return &exec.Error{Name: "ip " + strings.Join(command, " ") + ": " + string(output), Err: err}
			}
		}
	}
	return nil
}

// PowerOffVMTask pulls the plug.
func (vm *VirtualMachine) PowerOffVMTask(ctx *simulator.Context, req *types.PowerOffVM_Task) soap.HasFault {
	task := vm.center.start(ctx, vm, "powerOff", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return vm.machine().exclusively(func() (types.AnyType, types.BaseMethodFault) {
			return nil, vm.powerOff(ctx, req)
		})
	})
	return &methods.PowerOffVM_TaskBody{Res: &types.PowerOffVM_TaskResponse{Returnval: task}}
}

func (vm *VirtualMachine) powerOff(ctx *simulator.Context, req *types.PowerOffVM_Task) types.BaseMethodFault {
	vm.machine().kill()
	_, fault := vm.center.await(taskOf(vm.VirtualMachine.PowerOffVMTask(ctx, req)))
	if fault == nil {
		vm.center.tools(ctx, vm.VirtualMachine, false)
	}
	return fault
}

// SuspendVMTask stops the machine's processors; its memory stays where it is.
func (vm *VirtualMachine) SuspendVMTask(ctx *simulator.Context, req *types.SuspendVM_Task) soap.HasFault {
	task := vm.center.start(ctx, vm, "suspend", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return vm.machine().exclusively(func() (types.AnyType, types.BaseMethodFault) {
			_, fault := vm.center.await(taskOf(vm.VirtualMachine.SuspendVMTask(ctx, req)))
			if process := vm.machine().process(); fault == nil && process != nil {
				if err := process.line.run("stop", nil, nil); err != nil {
					return nil, systemError("%s does not stop: %v", vm.Name, err)
				}
				vm.center.tools(ctx, vm.VirtualMachine, false)
			}
			return nil, fault
		})
	})
	return &methods.SuspendVM_TaskBody{Res: &types.SuspendVM_TaskResponse{Returnval: task}}
}

// ResetVMTask presses the reset button.
func (vm *VirtualMachine) ResetVMTask(ctx *simulator.Context, _ *types.ResetVM_Task) soap.HasFault {
	task := vm.center.start(ctx, vm, "reset", func(*simulator.Context, *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		process := vm.machine().process()
		if process == nil {
			return nil, &types.InvalidPowerState{
				RequestedState: types.VirtualMachinePowerStatePoweredOn, ExistingState: vm.Runtime.PowerState}
		}
		if err := process.line.run("system_reset", nil, nil); err != nil {
			return nil, systemError("%s cannot be reset: %v", vm.Name, err)
		}
		return nil, nil
	})
	return &methods.ResetVM_TaskBody{Res: &types.ResetVM_TaskResponse{Returnval: task}}
}

// ShutdownGuest presses the power button. The machine is off when the guest has shut itself down, if it does.
func (vm *VirtualMachine) ShutdownGuest(*simulator.Context, *types.ShutdownGuest) soap.HasFault {
	body := new(methods.ShutdownGuestBody)
	process := vm.machine().process()
	if process == nil || vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		body.Fault_ = simulator.Fault("", &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOn, ExistingState: vm.Runtime.PowerState})
		return body
	}
	if vm.Guest.ToolsRunningStatus != string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		body.Fault_ = simulator.Fault("VMware Tools is not running", new(types.ToolsUnavailable))
		return body
	}
	if err := process.line.run("system_powerdown", nil, nil); err != nil {
		body.Fault_ = simulator.Fault(err.Error(), systemError("%s: %v", vm.Name, err))
		return body
	}
	body.Res = new(types.ShutdownGuestResponse)
	return body
}

// RebootGuest has the machine start again; the lab's guests have no tools that would do it more gently.
func (vm *VirtualMachine) RebootGuest(ctx *simulator.Context, req *types.RebootGuest) soap.HasFault {
	process := vm.machine().process()
	if process == nil {
		return vm.VirtualMachine.RebootGuest(ctx, req)
	}
	body := new(methods.RebootGuestBody)
	if err := process.line.run("system_reset", nil, nil); err != nil {
		body.Fault_ = simulator.Fault(err.Error(), systemError("%s: %v", vm.Name, err))
		return body
	}
	body.Res = new(types.RebootGuestResponse)
	return body
}

// watchDatastores keeps the free space that the inventory tells.
func (c *Center) watchDatastores() {
	for {
		time.Sleep(2 * time.Second)
		for _, entity := range c.registry().All("Datastore") {
			c.measure(c.context(), entity.(*simulator.Datastore))
		}
	}
}
