package main

import (
	"fmt"
	"log"
	"reflect"
	"runtime/debug"

	"github.com/google/uuid"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

type work func(*simulator.Context, *simulator.Task) (types.AnyType, types.BaseMethodFault)

// start runs work as a task of the entity.
//
// The simulator holds the lock of a task's entity for as long as the task runs, so that nobody could read a machine
// while it moves. So this task first belongs to nothing, and is the entity's once it has started.
func (c *Center) start(ctx *simulator.Context, of mo.Reference, name string, do work) types.ManagedObjectReference {
	ref := of.Reference()
	own := *ctx
	nothing := types.ManagedObjectReference{Type: "Operation", Value: uuid.NewString()}
	task := simulator.CreateTask(nothing, name, func(task *simulator.Task) (_ types.AnyType, fault types.BaseMethodFault) {
		defer func() {
			// One task that fails must not end all the machines' vCenter.
			if reason := recover(); reason != nil {
				log.Printf("%s of %s: %v\n%s", name, ref.Value, reason, debug.Stack())
				fault = systemError("%s failed: %v", name, reason)
			}
		}()
		return do(&own, task)
	})
	task.Info.DescriptionId = fmt.Sprintf("%s.%s", ref.Type, name)
	started := task.Run(ctx)
	label := ref.Value
	if entity, ok := c.registry().Get(ref).(mo.Entity); ok {
		label = entity.Entity().Name
	}
	c.registry().AtomicUpdate(&own, task, []types.PropertyChange{
		{Name: "info.entity", Val: &ref},
		{Name: "info.entityName", Val: label},
	})
	return started
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
	c.registry().AtomicUpdate(ctx, of, changes)
}

func reason(format string, values ...any) types.MethodFault {
	text := fmt.Sprintf(format, values...)
	return types.MethodFault{
		FaultCause: &types.LocalizedMethodFault{
			Fault:            &types.SystemErrorFault{Reason: text},
			LocalizedMessage: text,
		},
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
