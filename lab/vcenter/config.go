package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Config is what the lab writes for one vCenter. Its file holds the password, so only root may read it.
type Config struct {
	Name         string `json:"name"`
	Listen       string `json:"listen"` // address and port
	Certificate  string `json:"certificate"`
	Key          string `json:"key"`
	Login        string `json:"login"`
	Password     string `json:"password"`
	InstanceUUID string `json:"instance_uuid"`
	State        string `json:"state"` // folder of the control socket, pid files, logs and uploads

	// Names of people's; read, this and those of the datastores are as vCenter keeps them.
	Datacenter string            `json:"datacenter"`
	Cluster    string            `json:"cluster"`
	Hosts      []string          `json:"hosts"`
	Datastores []DatastoreConfig `json:"datastores"`
	// Port group or standard network -> the Linux bridge that its adapters are plugged into.
	Bridges map[string]string `json:"bridges"`
	// Which of them are distributed port groups.
	PortGroups []string `json:"port_groups"`

	Accelerator  string `json:"accelerator"` // of QEMU: tcg or kvm
	FirmwareCode string `json:"firmware_code"`
	FirmwareVars string `json:"firmware_vars"`

	Delay    int `json:"delay"`    // milliseconds a call
	Machines int `json:"machines"` // stand-ins that never run, for measuring inventories
}

// DatastoreConfig is a folder that plays a datastore. Capacity is in bytes, and kept by us.
type DatastoreConfig struct {
	Name     string `json:"name"`
	Folder   string `json:"folder"`
	Capacity int64  `json:"capacity"`
}

func readConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := &Config{Accelerator: "tcg"}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, err
	}
	if config.Login == "" || config.Password == "" {
		return nil, errors.New("it has no login or no password")
	}
	if len(config.Hosts) == 0 || len(config.Datastores) == 0 {
		return nil, errors.New("it has no hosts or no datastores")
	}
	for _, folder := range []string{config.runFolder(), config.uploadFolder()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	config.Datacenter = escaped(config.Datacenter)
	for index, store := range config.Datastores {
		config.Datastores[index].Name = escaped(store.Name)
		if err := os.MkdirAll(store.Folder, 0o755); err != nil {
			return nil, fmt.Errorf("datastore %s: %w", store.Name, err)
		}
	}
	return config, nil
}

func (c *Config) runFolder() string     { return filepath.Join(c.State, "run") }
func (c *Config) uploadFolder() string  { return filepath.Join(c.State, "uploads") }
func (c *Config) controlSocket() string { return filepath.Join(c.State, "control.sock") }
