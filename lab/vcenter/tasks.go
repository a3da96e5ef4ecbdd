package main

import (
	"fmt"
	"log"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

type work func(*simulator.Context, *simulator.Task) (types.AnyType, types.BaseMethodFault)

// start runs work as a task of the entity.
//
// Not the simulator's own way to run a task: that holds the lock of the entity for as long as the task runs, so that
// nobody could read a machine while it moves; and it says of a fault no more than its type.
func (c *Center) start(ctx *simulator.Context, of mo.Reference, name string, do work) types.ManagedObjectReference {
	own := *ctx
	ref := of.Reference()
	task := simulator.CreateTask(of, name, nil)
	task.Info.EntityName = ""
	if entity, isEntity := c.registry().Get(ref).(mo.Entity); isEntity {
		task.Info.EntityName = entity.Entity().Name
	}
	if ctx.Session != nil {
		task.Info.Reason = &types.TaskReasonUser{UserName: ctx.Session.UserName}
	}
	now := time.Now()
	task.Info.StartTime, task.Info.State = &now, types.TaskInfoStateRunning
	c.registry().Put(task)
	if _, isEntity := c.registry().Get(ref).(mo.Entity); !isEntity {
		// A checker is no entity, and pyvmomi refuses a task that says it is.
		task.Info.Entity = nil
	}
	c.update(&own, task, map[string]any{"info.key": task.Self.Value, "info.task": task.Self})
	if c.cancellable(name) {
		c.update(&own, task, map[string]any{"info.cancelable": true})
	}
	go func() {
		defer c.cancels.Delete(task.Self)
		result, fault := c.attempt(&own, task, do)
		ended := map[string]any{"info.completeTime": time.Now(), "info.state": types.TaskInfoStateSuccess}
		if fault != nil {
			ended["info.state"] = types.TaskInfoStateError
			ended["info.error"] = localized(fault)
			log.Printf("%s of %s: %v", name, task.Info.EntityName, errFault(fault))
		} else if result != nil {
			ended["info.result"] = result
		}
		c.update(&own, task, ended)
	}()
	return task.Self
}

// attempt does the work. One task that fails must not end all the machines' vCenter.
func (c *Center) attempt(
	ctx *simulator.Context, task *simulator.Task, do work) (_ types.AnyType, fault types.BaseMethodFault) {
	defer func() {
		if reason := recover(); reason != nil {
			log.Printf("%s: %v\n%s", task.Info.DescriptionId, reason, debug.Stack())
			fault = systemError("%s failed: %v", task.Info.DescriptionId, reason)
		}
	}()
	return do(ctx, task)
}

// localized is a fault with the sentence that it says.
func localized(fault types.BaseMethodFault) *types.LocalizedMethodFault {
	return &types.LocalizedMethodFault{Fault: fault, LocalizedMessage: errFault(fault).Error()}
}

// await waits for a task of the simulator itself. :returns: its result and its fault.
func (c *Center) await(ref types.ManagedObjectReference) (types.AnyType, types.BaseMethodFault) {
	task := c.registry().Get(ref).(*simulator.Task)
	task.Wait()
	if task.Info.Error != nil {
		return nil, task.Info.Error.Fault
	}
	return task.Info.Result, nil
}

func (c *Center) progress(ctx *simulator.Context, task *simulator.Task, percent int) {
	c.registry().AtomicUpdate(ctx, task, []types.PropertyChange{{Name: "info.progress", Val: int32(percent)}})
}

// update changes properties of an object, so that everybody who waits for changes is told.
func (c *Center) update(ctx *simulator.Context, of mo.Reference, values map[string]any) {
	changes := make([]types.PropertyChange, 0, len(values))
	for name, value := range values {
		if value != nil && reflect.ValueOf(value).Kind() == reflect.Pointer && reflect.ValueOf(value).IsNil() {
			value = nil
		}
		changes = append(changes, types.PropertyChange{Name: name, Val: value})
	}
	// Not AtomicUpdate: where a change does not fit, that would leave the object locked for good.
	unlock := c.registry().AcquireLock(ctx, of)
	defer unlock()
	c.registry().Update(ctx, of, changes)
}

func reason(format string, values ...any) types.MethodFault {
	text := fmt.Sprintf(format, values...)
	return types.MethodFault{
		FaultMessage: []types.LocalizableMessage{{Key: "drover.lab", Message: text}},
	}
}

func systemError(format string, values ...any) types.BaseMethodFault {
	text := fmt.Sprintf(format, values...)
	return &types.SystemError{RuntimeFault: types.RuntimeFault{MethodFault: reason("%s", text)}, Reason: text}
}

func invalidState(format string, values ...any) types.BaseMethodFault {
	return &types.InvalidState{VimFault: types.VimFault{MethodFault: reason(format, values...)}}
}
