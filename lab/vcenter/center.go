package main

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"

	_ "github.com/vmware/govmomi/lookup/simulator"
	_ "github.com/vmware/govmomi/pbm/simulator"
	_ "github.com/vmware/govmomi/sts/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator"
)

// APIVersion is what real vCenters of version 8.0 Update 3 say.
const APIVersion = "8.0.3.0"

// Center is one vCenter: the simulator's model, and what we add to it.
type Center struct {
	config   *Config
	model    *simulator.Model
	service  *simulator.Service
	inner    *simulator.Server
	server   *http.Server
	control  net.Listener
	faults   Faults
	calls    atomic.Int64 // how many SOAP calls there ever were
	wrappers wrappers

	arrivals     arrivals
	cancels      sync.Map // tasks that somebody wants to end
	snapshots    int32    // how many there ever were
	leaseTimeout int32    // seconds, where the lab wants another than the usual
	moveRate     int64    // bytes a second of each disk of a machine that moves while it runs; 0 for no limit

	mutex    sync.Mutex
	machines map[types.ManagedObjectReference]*Machine
	dataPath map[string]*DatastoreConfig // by name
}

func newCenter(config *Config) (*Center, error) {
	center := &Center{
		config:   config,
		machines: map[types.ManagedObjectReference]*Machine{},
		dataPath: map[string]*DatastoreConfig{},
	}
	for index := range config.Datastores {
		center.dataPath[config.Datastores[index].Name] = &config.Datastores[index]
	}
	if err := center.buildInventory(); err != nil {
		return nil, err
	}
	center.wrap()
	return center, nil
}

// serve starts to answer: on HTTPS for everybody, and on the control socket for the lab.
func (c *Center) serve() error {
	c.endLeftovers()
	pair, err := tls.LoadX509KeyPair(c.config.Certificate, c.config.Key)
	if err != nil {
		return err
	}
	// The simulator insists on a listener of its own; nobody is told of this one. What it routes is served by ours.
	c.service.Listen = &url.URL{
		Host: "127.0.0.1:0",
		User: url.UserPassword(c.config.Login, c.config.Password),
	}
	c.service.RegisterEndpoints = true
	c.inner = c.service.NewServer()
	c.announce()
	listener, err := net.Listen("tcp", c.config.Listen)
	if err != nil {
		return err
	}
	c.server = &http.Server{
		Handler:   c.front(),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		ErrorLog:  log.New(os.Stderr, "https: ", log.LstdFlags|log.Lmsgprefix),
	}
	go func() {
		if err := c.server.ServeTLS(listener, "", ""); err != nil && err != http.ErrServerClosed {
			log.Fatalf("HTTPS ended: %v", err)
		}
	}()
	go c.watchDatastores()
	return c.serveControl()
}

// announce says our address wherever the simulator would say the one of its own listener.
func (c *Center) announce() {
	c.registry().SessionManager().ServiceHostName = c.config.Listen
	options := c.registry().OptionManager()
	for _, option := range options.Setting {
		value := option.GetOptionValue()
		text, isText := value.Value.(string)
		if !isText {
			continue
		}
		place, err := url.Parse(text)
		if err == nil && place.Host == c.inner.URL.Host {
			place.Scheme, place.Host = "https", c.config.Listen
			value.Value = place.String()
		}
	}
}

func (c *Center) close() {
	_ = c.control.Close()
	_ = c.server.Close()
	_ = c.server.Shutdown(context.Background())
	c.inner.Close()
	c.model.Remove()
}

func (c *Center) registry() *simulator.Registry { return c.model.Map() }

// context is what we act with on our own behalf. Each is a holder of locks of its own.
func (c *Center) context() *simulator.Context {
	own := *c.service.Context
	return &own
}
