package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// A disk on a datastore, as ESXi keeps it: a descriptor `web.vmdk`, which is text, and beside it the bytes.
//
// Those of a base disk are `web-flat.vmdk`, raw. What was written since a snapshot is in `web-000001-sesparse.vmdk`:
// ESXi has a format of its own there, ours is qcow2 upon the file that the snapshot froze.
type Disk struct {
	Key        int32
	Controller types.BaseVirtualDevice
	Unit       int32
	Capacity   int64
	Name       string // on the datastore: "[datastore1] web/web.vmdk"
	Descriptor string // as a path
	Extent     string // as a path: the bytes
	Format     string // of the extent: raw or qcow2
	UUID       string
	device     *types.VirtualDisk
}

var extentLine = regexp.MustCompile(`(?m)^(?:RW|RDONLY) (\d+) (\w+) "(.+)"`)

// path is where a datastore's file truly lies. Nothing leads out of the datastore's folder.
func (c *Center) path(name string) (string, types.BaseMethodFault) {
	var place object.DatastorePath
	if !place.FromString(name) {
		return "", &types.InvalidDatastorePath{InvalidDatastore: types.InvalidDatastore{Name: name}, DatastorePath: name}
	}
	store := c.dataPath[place.Datastore]
	if store == nil {
		return "", &types.InvalidDatastorePath{InvalidDatastore: types.InvalidDatastore{Name: name}, DatastorePath: name}
	}
	return filepath.Join(store.Folder, filepath.Clean("/"+place.Path)), nil
}

// disks are a machine's own, in the order of controller and unit.
func (c *Center) disks(devices []types.BaseVirtualDevice) ([]Disk, types.BaseMethodFault) {
	list := object.VirtualDeviceList(devices)
	var found []Disk
	for _, device := range list.SelectByType((*types.VirtualDisk)(nil)) {
		disk := device.(*types.VirtualDisk)
		backing, isFlat := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		if !isFlat {
			continue
		}
		known, fault := c.disk(backing.FileName)
		if fault != nil {
			return nil, fault
		}
		known.Key, known.Capacity, known.UUID, known.device = disk.Key, disk.CapacityInBytes, backing.Uuid, disk
		known.Controller = list.FindByKey(disk.ControllerKey)
		if disk.UnitNumber != nil {
			known.Unit = *disk.UnitNumber
		}
		found = append(found, known)
	}
	return found, nil
}

// disk reads a descriptor.
func (c *Center) disk(name string) (Disk, types.BaseMethodFault) {
	place, fault := c.path(name)
	if fault != nil {
		return Disk{}, fault
	}
	text, err := os.ReadFile(place)
	if err != nil {
		return Disk{}, &types.FileNotFound{FileFault: types.FileFault{
			VimFault: types.VimFault{MethodFault: reason("%s: %v", name, err)}, File: name}}
	}
	match := extentLine.FindStringSubmatch(string(text))
	if match == nil {
		return Disk{}, &types.InvalidDiskFormat{InvalidFormat: types.InvalidFormat{VmConfigFault: types.VmConfigFault{
			VimFault: types.VimFault{MethodFault: reason("%s is not a disk's descriptor", name)}}}}
	}
	format := "raw"
	if match[2] == "SESPARSE" {
		format = "qcow2"
	}
	// The extent lies beside its descriptor, whatever the descriptor says.
	extent := filepath.Join(filepath.Dir(place), filepath.Base(match[3]))
	// The simulator's MoveVirtualDisk renames both files and leaves the old name in the descriptor.
	if _, err := os.Stat(extent); err != nil && format == "raw" {
		extent = strings.TrimSuffix(place, ".vmdk") + "-flat.vmdk"
	}
	return Disk{Name: name, Descriptor: place, Extent: extent, Format: format}, nil
}

// fill gives each base disk the length that its descriptor promises; the simulator leaves the file empty.
func (c *Center) fill(vm *simulator.VirtualMachine) types.BaseMethodFault {
	disks, fault := c.disks(vm.Config.Hardware.Device)
	if fault != nil {
		return fault
	}
	for _, disk := range disks {
		if disk.Format != "raw" {
			continue
		}
		info, err := os.Stat(disk.Extent)
		if err == nil && info.Size() >= disk.Capacity {
			continue
		}
		if err := writeDescriptor(disk.Descriptor, disk.Capacity); err != nil {
			return systemError("%s: %v", disk.Name, err)
		}
		file, err := os.OpenFile(disk.Extent, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return systemError("%s: %v", disk.Name, err)
		}
		err = file.Truncate(disk.Capacity)
		_ = file.Close()
		if err != nil {
			return systemError("%s: %v", disk.Name, err)
		}
	}
	return nil
}

const sector = 512

const descriptorText = `# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=fffffffe
parentCID=ffffffff
createType="vmfs"

# Extent description
RW %d VMFS "%s"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "%d"
ddb.geometry.heads = "255"
ddb.geometry.sectors = "63"
ddb.virtualHWVersion = "21"
`

func flatName(descriptor string) string {
	return strings.TrimSuffix(descriptor, ".vmdk") + "-flat.vmdk"
}

// writeDescriptor describes a base disk, whose bytes lie beside the descriptor. :param capacity: bytes.
func writeDescriptor(path string, capacity int64) error {
	text := fmt.Sprintf(descriptorText, capacity/sector, filepath.Base(flatName(path)), capacity/sector/(255*63))
	return os.WriteFile(path, []byte(text), 0o600)
}
