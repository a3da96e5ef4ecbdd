package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (c *Center) leaseSeconds() int32 {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.leaseTimeout > 0 {
		return c.leaseTimeout
	}
	return defaultLeaseTimeout
}

// storeOf is the datastore that a file lies on.
func (c *Center) storeOf(path string) *DatastoreConfig {
	for _, store := range c.dataPath {
		if strings.HasPrefix(path, store.Folder+"/") {
			return store
		}
	}
	panic("a file on no datastore: " + path)
}

// unpack makes a disk's bytes of an image that came in.
func (c *Center) unpack(path string, disk Disk) error {
	output, err := qemuImg(filepath.Dir(path), "info", "-f", "vmdk", "--output=json", path)
	if err != nil {
		return err
	}
	var info struct {
		Size int64 `json:"virtual-size"`
	}
	if err := json.Unmarshal(output, &info); err != nil {
		return err
	}
	if info.Size != disk.Capacity {
		return fmt.Errorf("the image holds %d bytes, and the disk %s has %d", info.Size, disk.Name, disk.Capacity)
	}
	draft := disk.Extent + ".incoming"
	defer os.Remove(draft)
	if _, err := qemuImg(filepath.Dir(path), "convert", "-f", "vmdk", "-O", "raw", path, draft); err != nil {
		return err
	}
	store := c.storeOf(disk.Extent)
	if store.used() > store.Capacity {
		return syscall.ENOSPC
	}
	return os.Rename(draft, disk.Extent)
}

// ExportVm hands out a lease for a machine that is off.
//
//revive:disable-next-line
func (vm *VirtualMachine) ExportVm(ctx *simulator.Context, _ *types.ExportVm) soap.HasFault {
	body := new(methods.ExportVmBody)
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		body.Fault_ = simulator.Fault("", &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: vm.Runtime.PowerState})
		return body
	}
	lease, fault := vm.center.exportLease(ctx, vm.VirtualMachine, vm.Config.Hardware.Device)
	if fault != nil {
		body.Fault_ = simulator.Fault("", fault)
		return body
	}
	body.Res = &types.ExportVmResponse{Returnval: lease.Self}
	return body
}

// ExportSnapshot hands out a lease for what a snapshot froze, whatever the machine does.
func (s *Snapshot) ExportSnapshot(ctx *simulator.Context, _ *types.ExportSnapshot) soap.HasFault {
	body := new(methods.ExportSnapshotBody)
	lease, fault := s.center.exportLease(ctx, s.machine().VirtualMachine, s.Config.Hardware.Device)
	if fault != nil {
		body.Fault_ = simulator.Fault("", fault)
		return body
	}
	body.Res = &types.ExportSnapshotResponse{Returnval: lease.Self}
	return body
}

func (c *Center) exportLease(ctx *simulator.Context, vm *simulator.VirtualMachine,
	devices []types.BaseVirtualDevice) (*HttpNfcLease, types.BaseMethodFault) {
	disks, fault := c.disks(devices)
	if fault != nil {
		return nil, fault
	}
	lease := c.newLease(ctx)
	lease.ready(ctx, vm, disks, false)
	return lease, nil
}

// ResourcePool stands in front of the simulator's.
type ResourcePool struct {
	*simulator.ResourcePool
	center *Center
}

// ImportVApp makes a machine whose disks the client then sends.
func (p *ResourcePool) ImportVApp(ctx *simulator.Context, req *types.ImportVApp) soap.HasFault {
	body := new(methods.ImportVAppBody)
	spec, isMachine := req.Spec.(*types.VirtualMachineImportSpec)
	if !isMachine {
		body.Fault_ = simulator.Fault("", &types.InvalidArgument{InvalidProperty: "spec"})
		return body
	}
	lease := p.center.newLease(ctx)
	p.center.start(ctx, p, "importVAppLRO", func(ctx *simulator.Context, _ *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		fault := p.importInto(ctx, lease, req, spec)
		if fault != nil {
			lease.fail(ctx, fault)
		}
		return nil, fault
	})
	body.Res = &types.ImportVAppResponse{Returnval: lease.Self}
	return body
}

func (p *ResourcePool) importInto(ctx *simulator.Context, lease *HttpNfcLease, req *types.ImportVApp,
	spec *types.VirtualMachineImportSpec) types.BaseMethodFault {
	folder, fault := p.center.importFolder(req)
	if fault != nil {
		return fault
	}
	if spec.ConfigSpec.Files == nil {
		spec.ConfigSpec.Files = &types.VirtualMachineFileInfo{
			VmPathName: fmt.Sprintf("[%s]", p.center.config.Datastores[0].Name)}
	}
	made, fault := (&Folder{folder, p.center}).createVM(ctx, &types.CreateVM_Task{
		This: folder.Self, Config: spec.ConfigSpec, Pool: p.Self, Host: req.Host,
	})
	if fault != nil {
		return fault
	}
	entry := p.center.registry().Get(made.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	vm := &VirtualMachine{entry, p.center}
	disks, fault := p.center.disks(entry.Config.Hardware.Device)
	if fault != nil {
		return fault
	}
	lease.undo = func() {
		ctx := p.center.context()
		_, _ = p.center.await(taskOf(vm.VirtualMachine.DestroyTask(ctx, &types.Destroy_Task{This: vm.Self})))
	}
	lease.ready(ctx, entry, disks, true)
	return nil
}

func (c *Center) importFolder(req *types.ImportVApp) (*simulator.Folder, types.BaseMethodFault) {
	if req.Folder != nil {
		folder, isFolder := c.registry().Get(*req.Folder).(*simulator.Folder)
		if !isFolder {
			return nil, &types.ManagedObjectNotFound{Obj: *req.Folder}
		}
		return folder, nil
	}
	center := c.registry().Any("Datacenter").(*simulator.Datacenter)
	return c.registry().Get(center.VmFolder).(*simulator.Folder), nil
}
