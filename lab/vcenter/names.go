package main

import (
	"regexp"
	"strings"

	"github.com/vmware/govmomi/simulator"
)

var toEscape = regexp.MustCompile(`(?i)%(?:25|2f|5c)|[%/\\]`)

// escaped is a name as vCenter keeps it: %, / and \ escaped, but for a % that begins an escape already.
func escaped(name string) string {
	return toEscape.ReplaceAllStringFunc(name, func(found string) string {
		switch found {
		case "%":
			return "%25"
		case "/":
			return "%2f"
		case `\`:
			return "%5c"
		}
		return found
	})
}

// plain is a name for the files of a machine with that name. The simulator would double the devices of a machine whose
// name it has to escape, and would escape what is escaped already.
func plain(name string) string {
	return strings.NewReplacer("%", "_", "/", "_", `\`, "_").Replace(name)
}

// named gives a machine that was made under a plain name its own.
func (c *Center) named(ctx *simulator.Context, vm *simulator.VirtualMachine, name string) {
	if name != vm.Name {
		c.update(ctx, vm, map[string]any{"name": name, "config.name": name, "summary.config.name": name})
	}
}
