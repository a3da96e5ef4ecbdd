package main

import (
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// wrappers puts our objects in front of the simulator's.
//
// The simulator asserts its own types all over, so its registry must keep its own objects. But it looks a call's
// receiver up in the caller's session first: there we put ours, right before the call.
type wrappers struct {
	center   *Center
	mutex    sync.Mutex
	sessions map[string]*simulator.Registry // by the key of the session
	users    map[string]string
}

func (c *Center) wrap() {
	c.mendCollector()
	c.wrappers.center = c
	c.wrappers.sessions, c.wrappers.users = map[string]*simulator.Registry{}, map[string]string{}
	c.registry().Handler = c.wrappers.handle
	c.registry().AddHandler(&c.wrappers)
}

func (w *wrappers) handle(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	if ctx.Session == nil || ctx.Session.UserName == "" {
		return nil, nil
	}
	w.mutex.Lock()
	w.sessions[ctx.Session.Key] = ctx.Session.Registry
	w.users[ctx.Session.Key] = ctx.Session.UserName
	w.mutex.Unlock()
	ours := w.center.ours(ctx.Map.Get(method.This))
	if ours == nil {
		return nil, nil
	}
	if ctx.Session.Registry.Get(method.This) == nil {
		ctx.Session.Registry.Put(ours)
	}
	return nil, nil
}

// ours is what stands in front of one of the simulator's objects; nil where it answers for itself.
func (c *Center) ours(theirs mo.Reference) mo.Reference {
	switch object := theirs.(type) {
	case *simulator.VirtualMachine:
		return &VirtualMachine{object, c}
	case *simulator.Folder:
		return &Folder{object, c}
	case *simulator.VirtualMachineSnapshot:
		return &Snapshot{object, c}
	case *simulator.ResourcePool:
		return &ResourcePool{object, c}
	case *simulator.VmProvisioningChecker:
		return &Checker{object, c}
	case *simulator.HostSystem:
		return &Host{object, c}
	case *simulator.Task:
		return &Task{object, c}
	}
	return nil
}

// terminate ends every session, as an administrator or a restart would.
func (c *Center) terminate() int {
	c.wrappers.mutex.Lock()
	defer c.wrappers.mutex.Unlock()
	ended := 0
	ctx := c.context()
	for key := range c.wrappers.sessions {
		answer := c.registry().SessionManager().TerminateSession(ctx, &types.TerminateSession{SessionId: []string{key}})
		if answer.Fault() == nil {
			ended++
		}
	}
	c.wrappers.sessions, c.wrappers.users = map[string]*simulator.Registry{}, map[string]string{}
	return ended
}

// Reference makes it a listener of the registry.
func (w *wrappers) Reference() types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "Wrappers", Value: "wrappers"}
}

// PutObject is told of every new object.
func (w *wrappers) PutObject(*simulator.Context, mo.Reference) {}

// UpdateObject is told of every change.
func (w *wrappers) UpdateObject(*simulator.Context, mo.Reference, []types.PropertyChange) {}

// RemoveObject takes a removed object's stand-in from every session: a call to it must not find it.
func (w *wrappers) RemoveObject(ctx *simulator.Context, ref types.ManagedObjectReference) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, registry := range w.sessions {
		if registry.Get(ref) != nil {
			registry.Remove(ctx, ref)
		}
	}
	w.center.forget(ref)
}
