package main

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// AutoStarts is what the simulator's hosts name and have not: which machines start with the host. It is kept and told.
type AutoStarts struct {
	mo.HostAutoStartManager
	host *simulator.HostSystem
}

// addAutoStarts gives a host its own.
func (c *Center) addAutoStarts(ref types.ManagedObjectReference) {
	host := c.registry().Get(ref).(*simulator.HostSystem)
	starts := &AutoStarts{host: host}
	starts.Self = types.ManagedObjectReference{Type: "HostAutoStartManager", Value: "autostart-" + ref.Value}
	host.ConfigManager.AutoStartManager = &starts.Self
	c.registry().Put(starts)
}

// ReconfigureAutostart changes the machines that are named and leaves the others as they are.
func (a *AutoStarts) ReconfigureAutostart(
	ctx *simulator.Context, req *types.ReconfigureAutostart) soap.HasFault {
	if req.Spec.Defaults != nil {
		a.Config.Defaults = req.Spec.Defaults
	}
	for _, entry := range req.Spec.PowerInfo {
		others := slices.DeleteFunc(slices.Clone(a.Config.PowerInfo), func(one types.AutoStartPowerInfo) bool {
			return one.Key == entry.Key
		})
		a.Config.PowerInfo = append(others, entry)
	}
	config, told := a.Config, *a.host.Config
	told.AutoStart = &config
	ctx.Update(a.host, []types.PropertyChange{{Name: "config", Val: &told}})
	return &methods.ReconfigureAutostartBody{Res: &types.ReconfigureAutostartResponse{}}
}
