// A vCenter for the lab: VMware's own simulator (govmomi), with what it leaves out made real.
//
// The simulator keeps the inventory and speaks the protocol. This program gives it a login, a certificate, datastores
// with real disks, machines that boot under QEMU, snapshots, changed blocks, leases and vMotion. docs/lab.md says
// which answer comes from whom.
package main

import (
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmsgprefix)
	if len(os.Args) != 2 {
		log.Fatal("usage: vcenter CONFIGURATION.json")
	}
	config, err := readConfig(os.Args[1])
	if err != nil {
		log.Fatalf("the configuration %s cannot be used: %v", os.Args[1], err)
	}
	center, err := newCenter(config)
	if err != nil {
		log.Fatalf("the vCenter cannot be built: %v", err)
	}
	if err := center.serve(); err != nil {
		log.Fatalf("the vCenter cannot be served: %v", err)
	}
	log.Printf("%s answers at https://%s", config.Name, config.Listen)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
	center.close()
}
