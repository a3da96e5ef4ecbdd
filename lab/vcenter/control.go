package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"sort"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// order is what the lab asks of us over the control socket: one line of JSON, and one back.
type order struct {
	Do     string  `json:"do"`
	Delay  int     `json:"delay"`
	Faults *Faults `json:"faults"`
	// Seconds after which a lease ends that nobody uses; 0 for the usual.
	LeaseTimeout int32 `json:"lease_timeout"`
	// Bytes a second at which the disks of machines that run are moved; 0 for no limit.
	MoveRate int64 `json:"move_rate"`
}

func (c *Center) serveControl() error {
	_ = os.Remove(c.config.controlSocket())
	listener, err := net.Listen("unix", c.config.controlSocket())
	if err != nil {
		return err
	}
	if err := os.Chmod(c.config.controlSocket(), 0o600); err != nil {
		return err
	}
	c.control = listener
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go c.obey(connection)
		}
	}()
	return nil
}

func (c *Center) obey(connection net.Conn) {
	defer connection.Close()
	line, err := bufio.NewReader(connection).ReadBytes('\n')
	if err != nil {
		return
	}
	var wanted order
	answer := map[string]any{}
	if err := json.Unmarshal(line, &wanted); err != nil {
		answer["error"] = err.Error()
	} else if result, err := c.do(&wanted); err != nil {
		answer["error"] = err.Error()
	} else {
		answer["result"] = result
	}
	text, err := json.Marshal(answer)
	if err != nil {
		log.Printf("control: %v", err)
		return
	}
	_, _ = connection.Write(append(text, '\n'))
}

func (c *Center) do(wanted *order) (any, error) {
	switch wanted.Do {
	case "ping":
		return "pong", nil
	case "machines":
		return c.states(), nil
	case "delay":
		c.model.DelayConfig.Delay = wanted.Delay
		return nil, nil
	case "faults":
		if wanted.Faults != nil {
			c.faults.set(wanted.Faults)
		}
		return c.faults.get(), nil
	case "lease-timeout":
		c.mutex.Lock()
		c.leaseTimeout = wanted.LeaseTimeout
		c.mutex.Unlock()
		return nil, nil
	case "move-rate":
		c.mutex.Lock()
		c.moveRate = wanted.MoveRate
		c.mutex.Unlock()
		return nil, nil
	case "calls":
		return c.calls.Load(), nil
	case "end-sessions":
		return c.terminate(), nil
	}
	return nil, fmt.Errorf("'%s' is not known here", wanted.Do)
}

// state is one machine as the lab shows it.
type state struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Host  string `json:"host"`
	PID   int    `json:"pid"`
}

func (c *Center) states() []state {
	words := map[types.VirtualMachinePowerState]string{
		types.VirtualMachinePowerStatePoweredOn:  "running",
		types.VirtualMachinePowerStatePoweredOff: "off",
		types.VirtualMachinePowerStateSuspended:  "paused",
	}
	found := []state{}
	for _, entity := range c.registry().All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		one := state{Name: vm.Name, State: words[vm.Runtime.PowerState]}
		if host, known := c.registry().Get(*vm.Runtime.Host).(*simulator.HostSystem); known {
			one.Host = host.Name
		}
		if process := c.machine(vm.Self).process(); process != nil {
			one.PID = process.record.PID
		}
		found = append(found, one)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	return found
}
