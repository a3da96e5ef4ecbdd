package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// processRecord makes a process known again: its pid alone may be somebody else's by now.
type processRecord struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // clock ticks since the boot
}

func recordOf(pid int) (processRecord, error) {
	started, err := startTime(pid)
	return processRecord{PID: pid, Started: started}, err
}

// startTime fails where there is no such process, or only what is left of it.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if fields[0] == "Z" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return fields[19], nil
}

func (r processRecord) alive() bool {
	started, err := startTime(r.PID)
	return err == nil && started == r.Started
}

// kill ends exactly this process, at once.
func (r processRecord) kill() error {
	if !r.alive() {
		return nil
	}
	return syscall.Kill(r.PID, syscall.SIGKILL)
}

func saveJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	draft := path + "." + strconv.Itoa(os.Getpid())
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
