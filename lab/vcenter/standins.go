package main

import (
	"context"
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// addStandIns makes machines that never run, all alike, for measuring how long an inventory takes.
func (c *Center) addStandIns(
	ctx context.Context, folders *object.DatacenterFolders, cluster *object.ClusterComputeResource) error {
	if c.config.Machines == 0 {
		return nil
	}
	pool, err := cluster.ResourcePool(ctx)
	if err != nil {
		return err
	}
	var begun []types.ManagedObjectReference
	for number := range c.config.Machines {
		spec, err := c.standIn(fmt.Sprintf("stand-in-%05d", number))
		if err != nil {
			return err
		}
		task, err := folders.VmFolder.CreateVM(ctx, *spec, pool, nil)
		if err != nil {
			return err
		}
		begun = append(begun, task.Reference())
	}
	// Only now: whoever waits for a task of the simulator's sleeps some milliseconds.
	for _, task := range begun {
		result, fault := c.await(task)
		if fault != nil {
			return errFault(fault)
		}
		made := c.registry().Get(result.(types.ManagedObjectReference))
		c.ownDevices(c.context(), made.(*simulator.VirtualMachine))
	}
	return nil
}

func (c *Center) standIn(name string) (*types.VirtualMachineConfigSpec, error) {
	store := c.config.Datastores[0].Name
	var devices object.VirtualDeviceList
	controller, err := devices.CreateSCSIController("pvscsi")
	if err != nil {
		return nil, err
	}
	disk := devices.CreateDisk(controller.(types.BaseVirtualController), types.ManagedObjectReference{},
		fmt.Sprintf("[%s] %s/%s.vmdk", store, name, name))
	disk.CapacityInKB = 1024 * 1024
	card, err := devices.CreateEthernetCard("vmxnet3", &types.VirtualEthernetCardNetworkBackingInfo{
		VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: "VM Network"},
	})
	if err != nil {
		return nil, err
	}
	spec := &types.VirtualMachineConfigSpec{
		Name: name, GuestId: "otherGuest64", NumCPUs: 1, MemoryMB: 256,
		Files: &types.VirtualMachineFileInfo{VmPathName: fmt.Sprintf("[%s]", store)},
	}
	devices = append(devices, controller, disk, card)
	spec.DeviceChange, err = devices.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd)
	return spec, err
}
