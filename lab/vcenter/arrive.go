package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// arrivals are the machines that are on their way here.
type arrivals struct {
	mutex sync.Mutex
	known map[string]*arrival
}

type arrival struct {
	vm      *VirtualMachine
	disks   []Disk
	process *Qemu // of a machine that runs; not yet the machine's own
}

// serveMigration is what another vCenter asks: who, check, prepare, disk, variables, finish, abort.
func (c *Center) serveMigration(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, migrationPath), "/")
	var answer any = map[string]any{}
	var err error
	switch parts[0] {
	case "who":
		_, _ = io.WriteString(w, c.config.InstanceUUID)
		return
	case "check", "prepare":
		var wanted plan
		if err = types.NewJSONDecoder(r.Body).Decode(&wanted); err == nil {
			answer, err = c.expect(&wanted, parts[0] == "prepare")
		}
	default:
		err = c.proceed(parts, r.Body)
	}
	if err != nil {
		log.Printf("migration, %s: %v", parts[0], err)
		w.WriteHeader(http.StatusConflict)
		answer = localized(faultOf(err, "the other vCenter"))
	}
	var text bytes.Buffer
	if err := types.NewJSONEncoder(&text).Encode(answer); err != nil {
		log.Printf("migration, %s: %v", parts[0], err)
	}
	_, _ = w.Write(text.Bytes())
}

func (c *Center) proceed(parts []string, body io.Reader) error {
	if len(parts) < 2 {
		return fmt.Errorf("'%s' is not known here", parts[0])
	}
	c.arrivals.mutex.Lock()
	coming := c.arrivals.known[parts[1]]
	c.arrivals.mutex.Unlock()
	if coming == nil {
		return fmt.Errorf("no machine %s is on its way", parts[1])
	}
	switch parts[0] {
	case "disk":
		index, err := strconv.Atoi(parts[len(parts)-1])
		if err != nil || index < 0 || index >= len(coming.disks) {
			return fmt.Errorf("no disk %s is on its way", parts[len(parts)-1])
		}
		return c.receiveDisk(coming.disks[index], body)
	case "variables":
		return c.receiveVariables(coming, body)
	case "finish":
		if err := c.finishArrival(coming); err != nil {
			return err
		}
	case "abort":
		c.abortArrival(coming)
	default:
		return fmt.Errorf("'%s' is not known here", parts[0])
	}
	c.arrivals.mutex.Lock()
	delete(c.arrivals.known, parts[1])
	c.arrivals.mutex.Unlock()
	return nil
}

func (c *Center) receiveDisk(disk Disk, body io.Reader) error {
	file, err := os.Create(disk.Extent)
	if err != nil {
		return err
	}
	defer file.Close()
	return copySparse(file, body, disk.Capacity, c.storeOf(disk.Extent).free())
}

func (c *Center) receiveVariables(coming *arrival, body io.Reader) error {
	path, fault := c.path(variablesName(coming.vm.VirtualMachine))
	if fault != nil {
		return faultError{fault}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// expect checks whether a machine may come, and makes its place where it is to come now.
func (c *Center) expect(wanted *plan, now bool) (any, error) {
	place := &wanted.Place
	if found := c.placeObstacles(place, nil, wanted.Bytes); len(found) > 0 {
		return nil, faultError{found[0]}
	}
	folder, fault := c.importFolder(&types.ImportVApp{Folder: place.Folder})
	if fault != nil {
		return nil, faultError{fault}
	}
	stand := &Folder{folder, c}
	if fault := stand.taken(wanted.Name); fault != nil {
		return nil, faultError{fault}
	}
	if fault := c.connect(wanted.Spec.DeviceChange); fault != nil {
		return nil, faultError{fault}
	}
	if !now {
		return map[string]any{}, nil
	}
	return c.prepare(stand, wanted)
}

// connect finds the networks that the adapters name.
func (c *Center) connect(changes []types.BaseVirtualDeviceConfigSpec) types.BaseMethodFault {
	for _, change := range changes {
		base, isCard := change.GetVirtualDeviceConfigSpec().Device.(types.BaseVirtualEthernetCard)
		if !isCard {
			continue
		}
		card := base.GetVirtualEthernetCard()
		named, byName := card.Backing.(*types.VirtualEthernetCardNetworkBackingInfo)
		if byName {
			for _, entity := range c.registry().All("DistributedVirtualPortgroup") {
				group := entity.(*simulator.DistributedVirtualPortgroup)
				if group.Name == named.DeviceName {
					dvs := c.registry().Get(*group.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch)
					card.Backing = &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
						Port: types.DistributedVirtualSwitchPortConnection{PortgroupKey: group.Key, SwitchUuid: dvs.Uuid}}
				}
			}
		}
		if _, fault := c.bridge(card); fault != nil {
			return fault
		}
	}
	return nil
}

func (c *Center) prepare(folder *Folder, wanted *plan) (*promise, error) {
	place := &wanted.Place
	store := c.config.Datastores[0].Name
	if place.Datastore != nil {
		store = c.registry().Get(*place.Datastore).(*simulator.Datastore).Name
	}
	pool := place.Pool
	if pool == nil {
		cluster := c.registry().Any("ClusterComputeResource").(*simulator.ClusterComputeResource)
		pool = cluster.ResourcePool
	}
	wanted.Spec.Files = &types.VirtualMachineFileInfo{VmPathName: fmt.Sprintf("[%s]", store)}
	for _, change := range wanted.Spec.DeviceChange {
		spec := change.GetVirtualDeviceConfigSpec()
		if disk, isDisk := spec.Device.(*types.VirtualDisk); isDisk {
			disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName = fmt.Sprintf("[%s]", store)
		}
	}
	made, fault := folder.createVM(c.context(), &types.CreateVM_Task{
		This: folder.Self, Config: wanted.Spec, Pool: *pool, Host: place.Host})
	if fault != nil {
		return nil, faultError{fault}
	}
	ref := made.(types.ManagedObjectReference)
	coming := &arrival{vm: &VirtualMachine{c.registry().Get(ref).(*simulator.VirtualMachine), c}}
	if coming.disks, fault = c.disks(coming.vm.Config.Hardware.Device); fault != nil {
		c.abortArrival(coming)
		return nil, faultError{fault}
	}
	given := &promise{Machine: ref}
	if wanted.Running {
		if err := c.receiver(coming, given); err != nil {
			c.abortArrival(coming)
			return nil, err
		}
	}
	c.arrivals.mutex.Lock()
	if c.arrivals.known == nil {
		c.arrivals.known = map[string]*arrival{}
	}
	c.arrivals.known[ref.Value] = coming
	c.arrivals.mutex.Unlock()
	return given, nil
}

// receiver starts the process that takes over a machine that runs elsewhere.
func (c *Center) receiver(coming *arrival, given *promise) error {
	arguments, adapters, fault := c.hardware(coming.vm.VirtualMachine)
	if fault != nil {
		return faultError{fault}
	}
	process, err := c.launch(coming.vm.Config.Uuid, coming.vm.Name, append(arguments, "-incoming", "defer"))
	if err != nil {
		return err
	}
	coming.process = process
	if err := plug(adapters); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(c.config.Listen)
	if err != nil {
		return err
	}
	ports, err := freePorts(host, 2)
	if err != nil {
		return err
	}
	if err := process.line.run("nbd-server-start", map[string]any{"addr": map[string]any{"type": "inet",
		"data": map[string]any{"host": host, "port": ports[0]}}}, nil); err != nil {
		return err
	}
	for index, disk := range coming.disks {
		name := fmt.Sprintf("disk%d", index)
		if err := process.line.run("block-export-add", map[string]any{"type": "nbd", "id": "export-" + name,
			"node-name": diskNode(disk.Key), "name": name, "writable": true}, nil); err != nil {
			return err
		}
	}
	given.NBD, given.Memory = net.JoinHostPort(host, ports[0]), net.JoinHostPort(host, ports[1])
	return process.line.run("migrate-incoming", map[string]any{"uri": "tcp:" + given.Memory}, nil)
}

// freePorts are ports that nobody listens on at this moment.
func freePorts(host string, count int) ([]string, error) {
	var found []string
	for range count {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		found = append(found, port)
	}
	return found, nil
}

// finishArrival takes the machine as ours: from now on it runs here, and nowhere else.
func (c *Center) finishArrival(coming *arrival) error {
	if coming.process == nil {
		return nil
	}
	deadline := time.Now().Add(startPatience)
	for {
		var state struct {
			Status string `json:"status"`
		}
		if err := coming.process.line.run("query-status", nil, &state); err != nil {
			return err
		}
		if state.Status != "inmigrate" {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not come", coming.vm.Name)
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, command := range []string{"nbd-server-stop", "cont"} {
		if err := coming.process.line.run(command, nil, nil); err != nil {
			return err
		}
	}
	coming.vm.machine().runs(coming.process)
	ctx := c.context()
	if _, fault := c.await(taskOf(coming.vm.VirtualMachine.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: coming.vm.Self}))); fault != nil {
		return faultError{fault}
	}
	c.tools(ctx, coming.vm.VirtualMachine, true)
	log.Printf("%s came, and runs as process %d", coming.vm.Name, coming.process.record.PID)
	return nil
}

func (c *Center) abortArrival(coming *arrival) {
	if coming.process != nil {
		coming.process.kill()
	}
	answer := coming.vm.VirtualMachine.DestroyTask(c.context(), &types.Destroy_Task{This: coming.vm.Self})
	if _, fault := c.await(taskOf(answer)); fault != nil {
		log.Printf("%s: %v", coming.vm.Name, errFault(fault))
	}
}
