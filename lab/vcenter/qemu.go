package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Qemu is the process that runs a machine.
type Qemu struct {
	line   *QMP
	record processRecord
	state  string // its file among the running
	events chan qmpEvent
	ended  chan struct{} // closed when the process is gone
}

type qmpEvent struct {
	name string
	data map[string]any
}

// runState is what a vCenter that starts anew needs, to end a machine that still runs.
type runState struct {
	Process processRecord `json:"process"`
	Name    string        `json:"name"`
	Socket  string        `json:"socket"`
}

const startPatience = 30 * time.Second

// launch starts a process that waits for its first command. :param id: unique among the running; names its files.
func (c *Center) launch(id, name string, arguments []string) (*Qemu, error) {
	base := filepath.Join(c.config.runFolder(), id)
	_ = os.Remove(base + ".sock")
	output, err := os.OpenFile(base+".log", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	arguments = append(arguments, "-S", "-qmp", "unix:"+base+".sock,server=on,wait=off")
	command := exec.Command("qemu-system-x86_64", arguments...)
	command.Stdout, command.Stderr = output, output
	// A session of its own: what ends the vCenter by its terminal does not end the machine.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, err
	}
	record, recordError := recordOf(command.Process.Pid)
	gone := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(gone)
	}()
	if recordError != nil {
		<-gone
		return nil, errors.New(lastWords(base + ".log"))
	}
	if err := saveJSON(base+".json", runState{Process: record, Name: name, Socket: base + ".sock"}); err != nil {
		_ = record.kill()
		return nil, err
	}
	process := &Qemu{record: record, state: base, ended: make(chan struct{}), events: make(chan qmpEvent, 1000)}
	if err := process.connect(gone); err != nil {
		_ = record.kill()
		<-gone
		process.clean()
		return nil, err
	}
	go func() {
		<-gone
		process.clean()
		close(process.ended)
	}()
	return process, nil
}

// endLeftovers ends the machines that a vCenter left which crashed: this one does not know them, and would start them
// a second time.
func (c *Center) endLeftovers() {
	paths, _ := filepath.Glob(filepath.Join(c.config.runFolder(), "*.json"))
	for _, path := range paths {
		var known runState
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &known)
		}
		if err == nil {
			err = known.Process.kill()
		}
		if err != nil {
			log.Printf("%s: %v", path, err)
			continue
		}
		log.Printf("%s ran on without its vCenter, and is ended", known.Name)
		_ = os.Remove(path)
	}
}

func (q *Qemu) connect(gone <-chan struct{}) error {
	deadline := time.Now().Add(startPatience)
	for {
		line, err := dialQMP(q.state+".sock", q.event)
		if err == nil {
			q.line = line
			return nil
		}
		select {
		case <-gone:
			return errors.New(lastWords(q.state + ".log"))
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not answer within %s", startPatience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (q *Qemu) event(name string, data map[string]any) {
	select {
	case q.events <- qmpEvent{name, data}:
	default: // nobody waits for any; the newest matter least
	}
}

func (q *Qemu) kill() {
	if err := q.record.kill(); err != nil {
		log.Printf("process %d: %v", q.record.PID, err)
	}
	<-q.ended
}

func (q *Qemu) clean() {
	_ = os.Remove(q.state + ".json")
	_ = os.Remove(q.state + ".sock")
}

func lastWords(path string) string {
	text, _ := os.ReadFile(path)
	if len(text) == 0 {
		return "it ended without a word"
	}
	return string(text)
}

// node is a block device as QEMU takes it on its command line: JSON, so that no name needs quoting.
func node(values map[string]any) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(err) // plain values only
	}
	return string(text)
}
