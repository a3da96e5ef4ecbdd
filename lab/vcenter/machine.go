package main

import (
	"log"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// Machine is what a virtual machine is beside its entry in the inventory: perhaps a process that runs it.
type Machine struct {
	center *Center
	ref    types.ManagedObjectReference

	busy sync.Mutex // held by the one operation that may change it

	mutex   sync.Mutex
	running *Qemu
}

// machine is the one behind an entry of the inventory.
func (c *Center) machine(ref types.ManagedObjectReference) *Machine {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	known := c.machines[ref]
	if known == nil {
		known = &Machine{center: c, ref: ref}
		c.machines[ref] = known
	}
	return known
}

// forget is called when an entry leaves the inventory. A process left behind would run what nobody knows.
func (c *Center) forget(ref types.ManagedObjectReference) {
	if ref.Type != "VirtualMachine" {
		return
	}
	c.mutex.Lock()
	known := c.machines[ref]
	delete(c.machines, ref)
	c.mutex.Unlock()
	if known != nil {
		known.kill()
	}
}

func (m *Machine) entry() *simulator.VirtualMachine {
	found, _ := m.center.registry().Get(m.ref).(*simulator.VirtualMachine)
	return found
}

func (m *Machine) process() *Qemu {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.running
}

// runs takes a process as the machine's, and follows it to its end.
func (m *Machine) runs(process *Qemu) {
	m.mutex.Lock()
	m.running = process
	m.mutex.Unlock()
	go func() {
		<-process.ended
		m.mutex.Lock()
		mine := m.running == process
		if mine {
			m.running = nil
		}
		m.mutex.Unlock()
		if mine {
			m.wentOff()
		}
	}()
}

// wentOff says in the inventory that the machine is off: it shut itself down, or its process died.
func (m *Machine) wentOff() {
	entry := m.entry()
	if entry == nil {
		return
	}
	log.Printf("%s is off", entry.Name)
	ctx := m.center.context()
	if entry.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		answer := entry.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: m.ref})
		if _, fault := m.center.await(taskOf(answer)); fault != nil {
			log.Printf("%s: %T", entry.Name, fault)
		}
	}
	m.center.tools(ctx, entry, false)
}

// kill ends the machine's process, if it has one, and waits until it is gone. The inventory is not told.
func (m *Machine) kill() {
	m.mutex.Lock()
	process := m.running
	m.running = nil
	m.mutex.Unlock()
	if process != nil {
		process.kill()
	}
}

// exclusively does work on a machine while nobody else may change it.
func (m *Machine) exclusively(do func() (types.AnyType, types.BaseMethodFault)) (types.AnyType, types.BaseMethodFault) {
	deadline := time.Now().Add(busyPatience)
	for !m.busy.TryLock() {
		if time.Now().After(deadline) {
			return nil, &types.TaskInProgress{Task: m.ref}
		}
		time.Sleep(50 * time.Millisecond)
	}
	defer m.busy.Unlock()
	return do()
}

// busyPatience is how long an operation waits for the one before it.
const busyPatience = 2 * time.Second

// tools says whether the guest answers, as VMware Tools would.
func (c *Center) tools(ctx *simulator.Context, vm *simulator.VirtualMachine, running bool) {
	running = running && extra(vm, "drover.tools") != "none"
	status, state := types.VirtualMachineToolsStatusToolsNotRunning, types.VirtualMachineToolsRunningStatusGuestToolsNotRunning
	guest := string(types.VirtualMachineGuestStateNotRunning)
	if extra(vm, "drover.tools") == "none" {
		status = types.VirtualMachineToolsStatusToolsNotInstalled
	}
	if running {
		status, state = types.VirtualMachineToolsStatusToolsOk, types.VirtualMachineToolsRunningStatusGuestToolsRunning
		guest = string(types.VirtualMachineGuestStateRunning)
	}
	c.update(ctx, vm, map[string]any{
		"guest.toolsStatus":                status,
		"guest.toolsRunningStatus":         string(state),
		"guest.guestState":                 guest,
		"summary.guest.toolsStatus":        status,
		"summary.guest.toolsRunningStatus": string(state),
	})
}

// extra is the value of one of a machine's free settings.
func extra(vm *simulator.VirtualMachine, key string) string {
	for _, option := range vm.Config.ExtraConfig {
		value := option.GetOptionValue()
		if text, isText := value.Value.(string); isText && value.Key == key {
			return text
		}
	}
	return ""
}
