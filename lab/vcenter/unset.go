package main

import (
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
)

// PropertyCollector is the simulator's, but for one answer: where a property has no value, the simulator answers
// another question, and pyvmomi raises what no vCenter would have it raise.
type PropertyCollector struct {
	simulator.PropertyCollector
}

// FetchResponse is the answer with one property's value, or none. Its name is the protocol's.
type FetchResponse struct {
	Returnval any `xml:"returnval,omitempty"`
}

type fetchBody struct {
	Res *FetchResponse
}

func (*fetchBody) Fault() *soap.Fault { return nil }

// Fetch reads one property. :param request: of a type that the simulator keeps to itself.
func (p *PropertyCollector) Fetch(ctx *simulator.Context, request any) soap.HasFault {
	theirs := reflect.ValueOf(&p.PropertyCollector).MethodByName("Fetch")
	answer := theirs.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(request)})[0].Interface()
	if _, isOther := answer.(*methods.RetrievePropertiesExBody); isOther {
		return &fetchBody{Res: &FetchResponse{}}
	}
	return answer.(soap.HasFault)
}

func (c *Center) mendCollector() {
	theirs := c.registry().Get(c.model.ServiceContent.PropertyCollector).(*simulator.PropertyCollector)
	ours := &PropertyCollector{}
	ours.Self = theirs.Self
	c.registry().Put(ours)
}
