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

test('without one, both checks are strict', (t) => {
  t.like(configOf(worldOf([]).inventory.settings, noProbes), {
    sourceCheck: 'strict',
    destinationCheck: 'strict',
  });
});
