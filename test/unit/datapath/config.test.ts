import test from 'ava';
import { configOf, noProbes } from '../../../src/datapath/config.js';
import { worldOf } from '../model/written.js';

test('what a NodeConfig says of VXLAN and checks is what the programs are loaded with', (t) => {
  const { settings } = worldOf([
    {
      apiVersion: 'encap/v1',
      kind: 'NodeConfig',
      vxlan: { vni: 7, port: 8472 },
      checks: { source: 'pool', destination: 'off' },
    },
  ]).inventory;
  t.like(configOf(settings, noProbes), {
    vni: 7,
    vxlanPort: 8472,
    sourceCheck: 'pool',
    destinationCheck: 'off',
  });
});

test('and what it says of outer headers', (t) => {
  const { settings } = worldOf([
    {
      apiVersion: 'encap/v1',
      kind: 'NodeConfig',
      dscp: { pipe: 46 },
      outerTtl: 'inherit',
      checks: { vxlanReservedBits: 'ignore', outerOptions: 'accept' },
      sharedVxlanPort: false,
      beyondCalico: { ip6ip: true },
    },
  ]).inventory;
  t.like(configOf(settings, noProbes), {
    dscp: 'pipe',
    outerDscp: 46,
    outerTtl: 0,
    reservedBits: 1,
    outerOptions: 1,
    sharedPort: 0,
    ip6ip: 1,
  });
});

test('without one outer headers are as the kernel’s tunnels have them, and nothing is forgiven', (t) => {
  t.like(configOf(worldOf([]).inventory.settings, noProbes), {
    dscp: 'inherit',
    outerDscp: 0,
    outerTtl: 64,
    reservedBits: 0,
    outerOptions: 0,
    sharedPort: 1,
    ip6ip: 0,
  });
});

test('without one, both checks are strict', (t) => {
  t.like(configOf(worldOf([]).inventory.settings, noProbes), {
    sourceCheck: 'strict',
    destinationCheck: 'strict',
  });
});
