package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Task stands in front of the simulator's: to cancel it is to ask its work to end, not to call it ended.
type Task struct {
	*simulator.Task
	center *Center
}

func (c *Center) cancellable(name string) bool { return name == "relocateVm" }

// CancelTask asks the work to end. The task says RequestCanceled when all is as it was before.
func (t *Task) CancelTask(ctx *simulator.Context, _ *types.CancelTask) soap.HasFault {
	body := new(methods.CancelTaskBody)
	switch {
	case t.Info.State == types.TaskInfoStateSuccess || t.Info.State == types.TaskInfoStateError:
		body.Fault_ = simulator.Fault("", invalidState("the task has ended"))
	case !t.Info.Cancelable:
		body.Fault_ = simulator.Fault("", &types.NotSupported{})
	default:
		t.center.cancels.Store(t.Self, true)
		t.center.update(ctx, t.Task, map[string]any{"info.cancelled": true})
		body.Res = new(types.CancelTaskResponse)
	}
	return body
}

type cancelled struct{}

func (cancelled) Error() string { return "the task was cancelled" }

// canceled tells whether somebody wants the task to end.
func (c *Center) canceled(task *simulator.Task) error {
	if _, wanted := c.cancels.Load(task.Self); wanted {
		return cancelled{}
	}
	return nil
}

// faultOf is what a task says of an error.
func faultOf(err error, what string) types.BaseMethodFault {
	if err == nil {
		return nil
	}
	if _, wanted := err.(cancelled); wanted {
		return &types.RequestCanceled{RuntimeFault: types.RuntimeFault{MethodFault: reason("the task was cancelled by a user")}}
	}
	if known, isFault := err.(faultError); isFault {
		return known.fault
	}
	return systemError("%s: %v", what, err)
}

// faultError carries a fault where an error is expected.
type faultError struct{ fault types.BaseMethodFault }

func (f faultError) Error() string { return errFault(f.fault).Error() }
