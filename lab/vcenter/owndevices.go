package main

import (
	"reflect"
	"slices"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/types"
)

var sharedDevices sync.Mutex

// ownDevices gives a new machine default devices of its own.
//
// The simulator gives all machines the same ones, and so their PCI controller names the adapters of every machine that
// there ever was: with thousands of them, the answer about each is long.
func (c *Center) ownDevices(ctx *simulator.Context, vm *simulator.VirtualMachine) {
	c.update(ctx, vm, map[string]any{"config.hardware.device": copied(vm.Config.Hardware.Device)})
}

func copied(devices []types.BaseVirtualDevice) []types.BaseVirtualDevice {
	sharedDevices.Lock()
	defer sharedDevices.Unlock()
	own := slices.Clone(devices)
	for index, device := range own {
		if !slices.Contains(esx.VirtualDevice, device) {
			continue
		}
		fresh := reflect.New(reflect.TypeOf(device).Elem())
		fresh.Elem().Set(reflect.ValueOf(device).Elem())
		own[index] = fresh.Interface().(types.BaseVirtualDevice)
		if controller, isController := own[index].(types.BaseVirtualController); isController {
			controller.GetVirtualController().Device = on(controller.GetVirtualController().Key, own)
			device.(types.BaseVirtualController).GetVirtualController().Device = nil
		}
	}
	return own
}

// on are the keys of the devices on a controller.
func on(controller int32, devices []types.BaseVirtualDevice) []int32 {
	var keys []int32
	for _, device := range devices {
		if known := device.GetVirtualDevice(); known.ControllerKey == controller {
			keys = append(keys, known.Key)
		}
	}
	return keys
}
