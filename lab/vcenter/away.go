package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// Moving a machine to another vCenter. The two speak over HTTPS, with the thumbprint and the credential that the
// client gave; memory and disks go from QEMU to QEMU, as vMotion's go from host to host.

const migrationPath = "/drover-lab/migration/"

// plan is what the other vCenter is told of a machine that comes.
type plan struct {
	Name    string                           `json:"name"`
	Running bool                             `json:"running"`
	Bytes   int64                            `json:"bytes"`
	Spec    types.VirtualMachineConfigSpec   `json:"spec"`
	Place   types.VirtualMachineRelocateSpec `json:"place"`
	Disks   []int64                          `json:"disks"` // capacities, in order
}

// promise is what it answers.
type promise struct {
	Machine types.ManagedObjectReference `json:"machine"`
	NBD     string                       `json:"nbd"`    // address and port, for a machine that runs
	Memory  string                       `json:"memory"` // the same
}

// peer is another vCenter.
type peer struct {
	url    *url.URL
	login  *types.ServiceLocatorNamePassword
	client *http.Client
}

// reach finds the vCenter that a client points at, and makes sure that it is that one.
func (c *Center) reach(where *types.ServiceLocator) (*peer, types.BaseMethodFault) {
	login, known := where.Credential.(*types.ServiceLocatorNamePassword)
	place, err := url.Parse(where.Url)
	if !known || err != nil || place.Host == "" {
		return nil, &types.InvalidArgument{
			RuntimeFault:    types.RuntimeFault{MethodFault: reason("the service locator has no address or no user and password")},
			InvalidProperty: "spec.service"}
	}
	seen := ""
	config := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(state tls.ConnectionState) error {
		// The thumbprint is what the certificate is verified by.
		raw := state.PeerCertificates[0].Raw
		short, long := sha1.Sum(raw), sha256.Sum256(raw)
		seen = hex.EncodeToString(long[:])
		wanted := strings.ToLower(strings.ReplaceAll(where.SslThumbprint, ":", ""))
		if wanted == hex.EncodeToString(short[:]) || wanted == seen {
			return nil
		}
		return errors.New("another thumbprint")
	}}
	there := &peer{url: place, login: login, client: &http.Client{Transport: &http.Transport{TLSClientConfig: config}}}
	status, answer, err := there.call("who", nil)
	var untrusted *tls.CertificateVerificationError
	switch {
	case err != nil && (errors.As(err, &untrusted) || strings.Contains(err.Error(), "another thumbprint")):
		return nil, &types.SSLVerifyFault{
			HostConnectFault: types.HostConnectFault{VimFault: types.VimFault{MethodFault: reason(
				"the thumbprint of %s is not the one that was given", place.Host)}},
			Thumbprint: seen}
	case err != nil:
		return nil, &types.NoHost{HostConnectFault: types.HostConnectFault{
			VimFault: types.VimFault{MethodFault: reason("%s cannot be reached: %v", place.Host, err)}}, Name: place.Host}
	case status == http.StatusUnauthorized:
		return nil, &types.InvalidLogin{VimFault: types.VimFault{MethodFault: reason(
			"%s refuses the user or the password", place.Host)}}
	case where.InstanceUuid != "" && !strings.EqualFold(where.InstanceUuid, strings.TrimSpace(string(answer))):
		return nil, &types.InvalidArgument{RuntimeFault: types.RuntimeFault{MethodFault: reason(
			"%s is another vCenter than the one that was meant", place.Host)}, InvalidProperty: "spec.service.instanceUuid"}
	}
	return there, nil
}

func (p *peer) call(what string, body io.Reader) (int, []byte, error) {
	request, err := http.NewRequest(http.MethodPost, "https://"+p.url.Host+migrationPath+what, body)
	if err != nil {
		return 0, nil, err
	}
	request.SetBasicAuth(p.login.Username, p.login.Password)
	answer, err := p.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// ask has the other do something. :raises: what it refuses, as the fault that it gave.
func (p *peer) ask(what string, body io.Reader, into any) error {
	status, text, err := p.call(what, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var refused types.LocalizedMethodFault
		if err := types.NewJSONDecoder(bytes.NewReader(text)).Decode(&refused); err == nil && refused.Fault != nil {
			return faultError{refused.Fault}
		}
		return fmt.Errorf("the other vCenter answers %d: %s", status, strings.TrimSpace(string(text)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

func (p *peer) send(what string, wanted *plan, into any) error {
	var text bytes.Buffer
	if err := types.NewJSONEncoder(&text).Encode(wanted); err != nil {
		return err
	}
	return p.ask(what, &text, into)
}

func (p *peer) check(wanted *plan) error { return p.send("check", wanted, nil) }

// plan describes the machine for its new vCenter.
func (vm *VirtualMachine) plan(place *types.VirtualMachineRelocateSpec) (*plan, types.BaseMethodFault) {
	if vm.Snapshot != nil {
		return nil, &types.SnapshotMoveNotSupported{SnapshotCopyNotSupported: types.SnapshotCopyNotSupported{
			MigrationFault: types.MigrationFault{VimFault: types.VimFault{MethodFault: reason(
				"%s has snapshots, and the lab moves none to another vCenter", vm.Name)}}}}
	}
	disks, fault := vm.center.disks(vm.Config.Hardware.Device)
	if fault != nil {
		return nil, fault
	}
	for _, locator := range place.Disk {
		if place.Datastore != nil && locator.Datastore != *place.Datastore {
			return nil, vm.unsupported("disk", "the lab moves all disks of a machine to one datastore")
		}
	}
	config := vm.Config
	wanted := &plan{Name: vm.Name, Running: vm.machine().process() != nil, Place: *place}
	wanted.Place.Service = nil
	wanted.Spec = types.VirtualMachineConfigSpec{
		Name: vm.Name, Uuid: config.Uuid, InstanceUuid: config.InstanceUuid, GuestId: config.GuestId,
		NumCPUs: config.Hardware.NumCPU, NumCoresPerSocket: config.Hardware.NumCoresPerSocket,
		MemoryMB: int64(config.Hardware.MemoryMB), Firmware: config.Firmware, Annotation: config.Annotation,
		ChangeTrackingEnabled: config.ChangeTrackingEnabled, ExtraConfig: config.ExtraConfig,
		Version: config.Version, BootOptions: config.BootOptions,
	}
	for _, disk := range disks {
		wanted.Bytes += taken(disk.Extent)
		wanted.Disks = append(wanted.Disks, disk.Capacity)
	}
	wanted.Spec.DeviceChange = vm.travelling(place)
	return wanted, nil
}

// travelling are the devices that a new machine does not have by itself, as the place wants them.
func (vm *VirtualMachine) travelling(place *types.VirtualMachineRelocateSpec) []types.BaseVirtualDeviceConfigSpec {
	edited := map[int32]types.BaseVirtualDevice{}
	for _, change := range place.DeviceChange {
		device := change.GetVirtualDeviceConfigSpec().Device
		edited[device.GetVirtualDevice().Key] = device
	}
	var changes []types.BaseVirtualDeviceConfigSpec
	for _, device := range vm.Config.Hardware.Device {
		spec := &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: device}
		switch known := device.(type) {
		case *types.VirtualDisk:
			fresh := *known
			fresh.Backing = &types.VirtualDiskFlatVer2BackingInfo{
				DiskMode: "persistent", ThinProvisioned: types.NewBool(true)}
			spec.Device, spec.FileOperation = &fresh, types.VirtualDeviceConfigSpecFileOperationCreate
		case types.BaseVirtualSCSIController, *types.VirtualAHCIController, *types.VirtualNVMEController:
		case types.BaseVirtualEthernetCard:
			if other := edited[device.GetVirtualDevice().Key]; other != nil {
				spec.Device = other
			} else if network := vm.networkOf(known.GetVirtualEthernetCard()); network != "" {
				// The other vCenter finds its own network of that name.
				spec.Device = onNetwork(device, network)
			}
		default:
			continue
		}
		changes = append(changes, spec)
	}
	return changes
}

func (vm *VirtualMachine) networkOf(card *types.VirtualEthernetCard) string {
	switch backing := card.Backing.(type) {
	case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
		group, known := vm.center.registry().Get(types.ManagedObjectReference{
			Type: "DistributedVirtualPortgroup", Value: backing.Port.PortgroupKey,
		}).(*simulator.DistributedVirtualPortgroup)
		if known {
			return group.Name
		}
	case *types.VirtualEthernetCardNetworkBackingInfo:
		return backing.DeviceName
	}
	return ""
}

// onNetwork is a copy of a card that names its network, whatever the kind of network is.
func onNetwork(device types.BaseVirtualDevice, network string) types.BaseVirtualDevice {
	var copied types.BaseVirtualDevice
	switch known := device.(type) {
	case *types.VirtualVmxnet3:
		fresh := *known
		copied = &fresh
	case *types.VirtualE1000:
		fresh := *known
		copied = &fresh
	case *types.VirtualE1000e:
		fresh := *known
		copied = &fresh
	default:
		return device
	}
	copied.GetVirtualDevice().Backing = &types.VirtualEthernetCardNetworkBackingInfo{
		VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: network}}
	return copied
}

// moveAway takes the machine to another vCenter. Whatever fails before the last moment leaves it here, as it was.
func (vm *VirtualMachine) moveAway(ctx *simulator.Context, task *simulator.Task,
	place *types.VirtualMachineRelocateSpec) (types.AnyType, types.BaseMethodFault) {
	there, fault := vm.center.reach(place.Service)
	if fault != nil {
		return nil, fault
	}
	wanted, fault := vm.plan(place)
	if fault != nil {
		return nil, fault
	}
	disks, fault := vm.center.disks(vm.Config.Hardware.Device)
	if fault != nil {
		return nil, fault
	}
	var given promise
	if err := there.send("prepare", wanted, &given); err != nil {
		return nil, faultOf(err, vm.Name)
	}
	process := vm.machine().process()
	var err error
	if process != nil {
		err = vm.carryRunning(ctx, task, process, disks, &given)
	} else {
		err = vm.carryFiles(ctx, task, there, disks, &given)
	}
	if err == nil {
		err = there.ask("finish/"+given.Machine.Value, nil, nil)
	}
	if err != nil {
		return nil, vm.stay(process, there, &given, err)
	}
	vm.center.progress(ctx, task, 100)
	vm.leave(ctx)
	return given.Machine, nil
}

// stay takes back what was begun at the other vCenter, and only then has the machine go on here.
func (vm *VirtualMachine) stay(process *Qemu, there *peer, given *promise, why error) types.BaseMethodFault {
	if undo := there.ask("abort/"+given.Machine.Value, nil, nil); undo != nil {
		log.Printf("%s may be at the other vCenter, so it is not started here: %v", vm.Name, undo)
		return faultOf(why, vm.Name)
	}
	if process != nil {
		_ = process.line.run("migrate_cancel", nil, nil)
		if err := process.line.run("cont", nil, nil); err != nil {
			log.Printf("%s does not go on: %v", vm.Name, err)
		}
	}
	return faultOf(why, vm.Name)
}

// leave takes the machine, which lives elsewhere now, out of the inventory and off the datastores.
func (vm *VirtualMachine) leave(ctx *simulator.Context) {
	vm.machine().kill()
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		_, _ = vm.center.await(taskOf(vm.VirtualMachine.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: vm.Self})))
	}
	if _, fault := vm.center.await(taskOf(vm.VirtualMachine.DestroyTask(ctx, &types.Destroy_Task{This: vm.Self}))); fault != nil {
		log.Printf("%s has moved, and cannot be removed here: %v", vm.Name, errFault(fault))
	}
}

func (vm *VirtualMachine) carryFiles(ctx *simulator.Context, task *simulator.Task, there *peer,
	disks []Disk, given *promise) error {
	for index, disk := range disks {
		file, err := os.Open(disk.Extent)
		if err != nil {
			return err
		}
		err = there.ask(fmt.Sprintf("disk/%s/%d", given.Machine.Value, index), &watched{file, vm.center, task}, nil)
		_ = file.Close()
		if err != nil {
			if stop := vm.center.canceled(task); stop != nil {
				return stop
			}
			return err
		}
		vm.center.progress(ctx, task, 90*(index+1)/len(disks))
	}
	if !isUEFI(vm.VirtualMachine) {
		return nil
	}
	variables, fault := vm.center.path(variablesName(vm.VirtualMachine))
	if fault != nil {
		return faultError{fault}
	}
	text, err := os.ReadFile(variables)
	if err != nil {
		return err
	}
	return there.ask("variables/"+given.Machine.Value, bytes.NewReader(text), nil)
}

// watched ends a transfer that somebody cancels.
type watched struct {
	io.Reader
	center *Center
	task   *simulator.Task
}

func (w *watched) Read(bytes []byte) (int, error) {
	if err := w.center.canceled(w.task); err != nil {
		return 0, err
	}
	return w.Reader.Read(bytes)
}

// carryRunning copies the disks while the machine runs, then its memory, and switches over.
func (vm *VirtualMachine) carryRunning(ctx *simulator.Context, task *simulator.Task, process *Qemu,
	disks []Disk, given *promise) error {
	host, port, _ := strings.Cut(given.NBD, ":")
	targets := map[int32]map[string]any{}
	for index, disk := range disks {
		targets[disk.Key] = map[string]any{"driver": "nbd", "export": fmt.Sprintf("disk%d", index),
			"server": map[string]any{"type": "inet", "host": host, "port": port}}
	}
	jobs, err := process.mirror(disks, targets, vm.center.moves(), vm.follow(ctx, task, 60))
	if err != nil {
		return err
	}
	if err := process.hand(given.Memory, jobs, vm.follow(ctx, task, 95)); err != nil {
		for _, job := range jobs {
			_ = process.line.run("block-job-cancel", map[string]any{"device": job, "force": true}, nil)
			_ = process.gone(job)
		}
		return err
	}
	return nil
}

// hand gives memory and devices to the process that waits at the address, and ends this one's part of the disks at
// the moment when the machine stands still.
func (q *Qemu) hand(address string, jobs []string, follow func(done, total int64) error) error {
	capabilities := []map[string]any{{"capability": "pause-before-switchover", "state": true}}
	if err := q.line.run("migrate-set-capabilities", map[string]any{"capabilities": capabilities}, nil); err != nil {
		return err
	}
	if err := q.line.run("migrate", map[string]any{"uri": "tcp:" + address}, nil); err != nil {
		return err
	}
	continued := false
	for {
		var state struct {
			Status  string `json:"status"`
			Problem string `json:"error-desc"`
			RAM     struct {
				Done  int64 `json:"transferred"`
				Total int64 `json:"total"`
				Left  int64 `json:"remaining"`
			} `json:"ram"`
		}
		if err := q.line.run("query-migrate", nil, &state); err != nil {
			return err
		}
		switch state.Status {
		case "completed":
			return nil
		case "failed", "cancelled":
			return fmt.Errorf("the memory could not be carried: %s %s", state.Status, state.Problem)
		case "pre-switchover":
			if !continued {
				if err := q.letGo(jobs); err != nil {
					return err
				}
				continued = true
			}
		}
		if err := follow(state.RAM.Total-state.RAM.Left, state.RAM.Total); err != nil && !continued {
			_ = q.line.run("migrate_cancel", nil, nil)
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// letGo ends the mirrors, whose two sides are equal now, and has the other process take over.
func (q *Qemu) letGo(jobs []string) error {
	for _, job := range jobs {
		if err := q.line.run("block-job-cancel", map[string]any{"device": job}, nil); err != nil {
			return err
		}
		if err := q.gone(job); err != nil {
			return err
		}
	}
	return q.line.run("migrate-continue", map[string]any{"state": "pre-switchover"}, nil)
}
