package main

import (
	"context"
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

const isolatedVLAN = 4001

// buildInventory makes an empty vCenter of VMware's simulator and fills it through its own API.
func (c *Center) buildInventory() error {
	c.model = simulator.VPX()
	c.model.Datacenter, c.model.Host, c.model.Cluster, c.model.Datastore, c.model.Machine = 0, 0, 0, 0, 0
	c.model.Autostart = false
	c.model.ServiceContent.About.InstanceUuid = c.config.InstanceUUID
	c.model.ServiceContent.About.ApiVersion = APIVersion
	c.model.ServiceContent.About.Version = "8.0.3"
	if err := c.model.Create(); err != nil {
		return err
	}
	c.service = c.model.Service
	ctx := context.Background()
	client, err := vim25.NewClient(ctx, c.service)
	if err != nil {
		return err
	}
	center, err := object.NewRootFolder(client).CreateDatacenter(ctx, c.config.Datacenter)
	if err != nil {
		return err
	}
	folders, err := center.Folders(ctx)
	if err != nil {
		return err
	}
	cluster, hosts, err := c.addHosts(ctx, folders)
	if err != nil {
		return err
	}
	if err := c.addNetworks(ctx, folders, hosts); err != nil {
		return err
	}
	if err := c.addDatastores(ctx, hosts); err != nil {
		return err
	}
	if err := c.addStandIns(ctx, folders, cluster); err != nil {
		return err
	}
	c.model.DelayConfig.Delay = c.config.Delay
	return nil
}

func (c *Center) addHosts(ctx context.Context, folders *object.DatacenterFolders) (
	*object.ClusterComputeResource, []*object.HostSystem, error) {
	cluster, err := folders.HostFolder.CreateCluster(ctx, c.config.Cluster, types.ClusterConfigSpecEx{})
	if err != nil {
		return nil, nil, err
	}
	var hosts []*object.HostSystem
	for _, name := range c.config.Hosts {
		task, err := cluster.AddHost(ctx, types.HostConnectSpec{HostName: name}, true, nil, nil)
		if err != nil {
			return nil, nil, err
		}
		info, err := task.WaitForResult(ctx)
		if err != nil {
			return nil, nil, err
		}
		host := object.NewHostSystem(cluster.Client(), info.Result.(types.ManagedObjectReference))
		c.addAutoStarts(host.Reference())
		hosts = append(hosts, host)
	}
	return cluster, hosts, nil
}

func (c *Center) addNetworks(ctx context.Context, folders *object.DatacenterFolders, hosts []*object.HostSystem) error {
	config := &types.VMwareDVSConfigSpec{}
	config.Name = "switch"
	for _, host := range hosts {
		config.Host = append(config.Host, types.DistributedVirtualSwitchHostMemberConfigSpec{
			Operation: string(types.ConfigSpecOperationAdd),
			Host:      host.Reference(),
		})
	}
	task, err := folders.NetworkFolder.CreateDVS(ctx, types.DVSCreateSpec{ConfigSpec: config})
	if err != nil {
		return err
	}
	info, err := task.WaitForResult(ctx)
	if err != nil {
		return err
	}
	dvs := object.NewDistributedVirtualSwitch(folders.NetworkFolder.Client(),
		info.Result.(types.ManagedObjectReference))
	// The hosts of the creation are not made members by the simulator; those of a change are.
	task, err = dvs.Reconfigure(ctx, &types.DVSConfigSpec{Host: config.Host})
	if err != nil {
		return err
	}
	if err := task.Wait(ctx); err != nil {
		return err
	}
	// The simulator makes a group of uplinks for each switch, and its switch does not say which that is.
	made := c.registry().Get(dvs.Reference()).(*simulator.DistributedVirtualSwitch)
	made.Config.GetDVSConfigInfo().UplinkPortgroup = made.Portgroup
	for _, name := range c.config.PortGroups {
		task, err := dvs.AddPortgroup(ctx, []types.DVPortgroupConfigSpec{{
			Name:              name,
			Type:              string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding),
			NumPorts:          128,
			DefaultPortConfig: portConfig(name),
		}})
		if err != nil {
			return err
		}
		if err := task.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// portConfig leaves the port group `isolated` no way out: a VLAN of its own, and no uplink. Nil: as the switch has it.
func portConfig(name string) types.BaseDVPortSetting {
	if name != "isolated" {
		return nil
	}
	no := types.InheritablePolicy{Inherited: false}
	return &types.VMwareDVSPortSetting{
		Vlan: &types.VmwareDistributedVirtualSwitchVlanIdSpec{
			VmwareDistributedVirtualSwitchVlanSpec: types.VmwareDistributedVirtualSwitchVlanSpec{InheritablePolicy: no},
			VlanId:                                 isolatedVLAN,
		},
		UplinkTeamingPolicy: &types.VmwareUplinkPortTeamingPolicy{
			UplinkPortOrder: &types.VMwareUplinkPortOrderPolicy{InheritablePolicy: no},
		},
	}
}

func (c *Center) addDatastores(ctx context.Context, hosts []*object.HostSystem) error {
	for _, store := range c.config.Datastores {
		for _, host := range hosts {
			system, err := host.ConfigManager().DatastoreSystem(ctx)
			if err != nil {
				return err
			}
			if _, err := system.CreateLocalDatastore(ctx, store.Name, store.Folder); err != nil {
				return fmt.Errorf("datastore %s: %w", store.Name, err)
			}
		}
	}
	for _, entity := range c.registry().All("Datastore") {
		store := entity.(*simulator.Datastore)
		// Both hosts reach both datastores, as they would a LUN: machines move between the hosts without their disks.
		store.Summary.Type = "VMFS"
		store.Summary.MultipleHostAccess = types.NewBool(true)
		c.measure(c.context(), store)
	}
	return nil
}
