package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// adapter is a network adapter of a running machine.
type adapter struct {
	tap    string
	bridge string // "" where it is not connected
}

// hardware is QEMU's command line for a machine, and the adapters to plug in once it runs.
func (c *Center) hardware(vm *simulator.VirtualMachine) ([]string, []adapter, types.BaseMethodFault) {
	config := vm.Config
	processor := "qemu64"
	if c.config.Accelerator == "kvm" {
		processor = "host"
	}
	cores := max(config.Hardware.NumCoresPerSocket, 1)
	arguments := []string{
		"-name", "guest=" + strings.ReplaceAll(vm.Name, ",", ",,"),
		"-nodefaults", "-no-user-config", "-display", "none",
		"-accel", c.config.Accelerator, "-cpu", processor,
		"-m", fmt.Sprint(config.Hardware.MemoryMB),
		"-smp", fmt.Sprintf("%d,sockets=%d,cores=%d", config.Hardware.NumCPU, max(config.Hardware.NumCPU/cores, 1), cores),
		"-uuid", config.Uuid, "-rtc", "base=utc",
		"-serial", "file:" + filepath.Join(c.config.runFolder(), config.Uuid+".console"),
	}
	firmware, fault := c.firmware(vm)
	if fault != nil {
		return nil, nil, fault
	}
	arguments = append(arguments, firmware...)
	disks, fault := c.disks(config.Hardware.Device)
	if fault != nil {
		return nil, nil, fault
	}
	drives, fault := c.drives(disks, isUEFI(vm))
	if fault != nil {
		return nil, nil, fault
	}
	cards, adapters, fault := c.cards(vm)
	return append(append(arguments, drives...), cards...), adapters, fault
}

// firmware: BIOS, or UEFI with the machine's own variables on the datastore.
func (c *Center) firmware(vm *simulator.VirtualMachine) ([]string, types.BaseMethodFault) {
	if !isUEFI(vm) {
		return []string{"-machine", "pc"}, nil
	}
	variables, fault := c.path(variablesName(vm))
	if fault != nil {
		return nil, fault
	}
	if info, err := os.Stat(variables); err != nil || info.Size() == 0 {
		if err := copyFile(c.config.FirmwareVars, variables); err != nil {
			return nil, systemError("the firmware's variables: %v", err)
		}
	}
	return []string{
		"-blockdev", node(map[string]any{"driver": "file", "node-name": "firmware", "read-only": true,
			"filename": c.config.FirmwareCode}),
		"-blockdev", node(map[string]any{"driver": "file", "node-name": "variables", "filename": variables}),
		"-machine", "pc,pflash0=firmware,pflash1=variables",
	}, nil
}

func isUEFI(vm *simulator.VirtualMachine) bool {
	return vm.Config.Firmware == string(types.GuestOsDescriptorFirmwareTypeEfi)
}

func variablesName(vm *simulator.VirtualMachine) string {
	return strings.TrimSuffix(vm.Config.Files.VmPathName, filepath.Ext(vm.Config.Files.VmPathName)) + ".nvram"
}

func copyFile(source, target string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(target)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return err
	}
	return to.Close()
}

func diskNode(key int32) string { return fmt.Sprintf("disk%d", key) }

// drives are the controllers and the disks on them; the first disk is booted.
func (c *Center) drives(disks []Disk, uefi bool) ([]string, types.BaseMethodFault) {
	var arguments []string
	made := map[string]bool{}
	for index, disk := range disks {
		controller, device, fault := attachment(disk, uefi)
		if fault != nil {
			return nil, fault
		}
		if controller != "" && !made[controller] {
			arguments = append(arguments, "-device", controller)
			made[controller] = true
		}
		arguments = append(arguments,
			"-blockdev", node(blockNode(diskNode(disk.Key), disk)),
			"-device", fmt.Sprintf("%s,id=hd%d,drive=%s,bootindex=%d", device, disk.Key, diskNode(disk.Key), index+1),
		)
	}
	return arguments, nil
}

func blockNode(name string, disk Disk) map[string]any {
	return map[string]any{
		"driver": disk.Format, "node-name": name, "discard": "unmap",
		"file": map[string]any{"driver": "file", "filename": disk.Extent, "discard": "unmap"},
	}
}

// attachment is how QEMU calls a disk's controller and the disk on it.
//
// The UEFI firmware that distributions ship with QEMU cannot boot from VMware's SCSI controllers, as ESXi's can: there
// virtio's stands in for them.
func attachment(disk Disk, uefi bool) (controller, device string, fault types.BaseMethodFault) {
	name := object.VirtualDeviceList{}.Type(disk.Controller)
	bus := int32(0)
	if known, isController := disk.Controller.(types.BaseVirtualController); isController {
		bus = known.GetVirtualController().BusNumber
	}
	onSCSI := fmt.Sprintf("scsi-hd,bus=scsi%d.0,scsi-id=%d", bus, disk.Unit)
	switch disk.Controller.(type) {
	case *types.ParaVirtualSCSIController, *types.VirtualLsiLogicController, *types.VirtualLsiLogicSASController:
		model := "mptsas1068" // QEMU has the SAS one only
		if _, paravirtual := disk.Controller.(*types.ParaVirtualSCSIController); paravirtual {
			model = "pvscsi"
		}
		if uefi {
			model = "virtio-scsi-pci"
		}
		return fmt.Sprintf("%s,id=scsi%d", model, bus), onSCSI, nil
	case *types.VirtualAHCIController:
		return fmt.Sprintf("ich9-ahci,id=sata%d", bus), fmt.Sprintf("ide-hd,bus=sata%d.%d", bus, disk.Unit), nil
	case *types.VirtualNVMEController:
		return fmt.Sprintf("nvme,id=nvme%d,serial=VMWare_NVME_%04d", bus, bus),
			fmt.Sprintf("nvme-ns,bus=nvme%d,nsid=%d", bus, disk.Unit+1), nil
	case *types.VirtualIDEController:
		return "", fmt.Sprintf("ide-hd,bus=ide.%d,unit=%d", bus, disk.Unit), nil
	}
	return "", "", &types.DeviceNotSupported{
		VirtualHardwareCompatibilityIssue: types.VirtualHardwareCompatibilityIssue{VmConfigFault: types.VmConfigFault{
			VimFault: types.VimFault{MethodFault: reason("the lab's hosts have no controller of the kind %s", name)}}},
		Device: name,
	}
}

// cards are the network adapters. Each becomes a tap device of QEMU's, which goes when the process goes.
func (c *Center) cards(vm *simulator.VirtualMachine) ([]string, []adapter, types.BaseMethodFault) {
	var arguments []string
	var adapters []adapter
	for _, device := range vm.Config.Hardware.Device {
		base, isCard := device.(types.BaseVirtualEthernetCard)
		if !isCard {
			continue
		}
		model, fault := cardModel(device)
		if fault != nil {
			return nil, nil, fault
		}
		card := base.GetVirtualEthernetCard()
		bridge, fault := c.bridge(card)
		if fault != nil {
			return nil, nil, fault
		}
		tap := fmt.Sprintf("%s.%d", vm.Self.Value, len(adapters))
		adapters = append(adapters, adapter{tap, bridge})
		arguments = append(arguments,
			"-netdev", fmt.Sprintf("tap,id=net%d,ifname=%s,script=no,downscript=no", card.Key, tap),
			"-device", fmt.Sprintf("%s,netdev=net%d,mac=%s,bootindex=-1", model, card.Key, card.MacAddress),
		)
	}
	return arguments, adapters, nil
}

func cardModel(device types.BaseVirtualDevice) (string, types.BaseMethodFault) {
	switch device.(type) {
	case *types.VirtualVmxnet3:
		return "vmxnet3", nil
	case *types.VirtualE1000:
		return "e1000", nil
	case *types.VirtualE1000e:
		return "e1000e", nil
	case *types.VirtualPCNet32:
		return "pcnet", nil
	}
	name := object.VirtualDeviceList{}.Type(device)
	return "", &types.DeviceNotSupported{
		VirtualHardwareCompatibilityIssue: types.VirtualHardwareCompatibilityIssue{VmConfigFault: types.VmConfigFault{
			VimFault: types.VimFault{MethodFault: reason("the lab's hosts have no network adapter of the kind %s", name)}}},
		Device: name,
	}
}

// bridge is the Linux bridge of the network that a card is on.
func (c *Center) bridge(card *types.VirtualEthernetCard) (string, types.BaseMethodFault) {
	name := ""
	switch backing := card.Backing.(type) {
	case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
		group, _ := c.registry().Get(types.ManagedObjectReference{
			Type: "DistributedVirtualPortgroup", Value: backing.Port.PortgroupKey,
		}).(*simulator.DistributedVirtualPortgroup)
		if group != nil {
			name = group.Name
		}
	case *types.VirtualEthernetCardNetworkBackingInfo:
		name = backing.DeviceName
	}
	bridge, known := c.config.Bridges[name]
	if !known {
		return "", &types.CannotAccessNetwork{CannotAccessVmDevice: types.CannotAccessVmDevice{
			CannotAccessVmComponent: types.CannotAccessVmComponent{VmConfigFault: types.VmConfigFault{
				VimFault: types.VimFault{MethodFault: reason("the network '%s' leads nowhere", name)}}},
			Device: "network adapter", Backing: name, Connected: true}}
	}
	if card.Connectable != nil && !card.Connectable.StartConnected {
		return "", nil
	}
	return bridge, nil
}
