import test from 'ava';
import { configOf, type Probes } from '../../../src/datapath/config.js';
import { worldOf } from '../model/written.js';

const probes: Probes = {
  adjustRoomPush: 0,
  adjustRoomPopVxlan: 0,
  adjustRoomPopIpip: 0,
  checkMtu: true,
};

test('what a NodeConfig says of VXLAN and checks is what the programs are loaded with', (t) => {
  const { settings } = worldOf([
    {
      apiVersion: 'encap/v1',
      kind: 'NodeConfig',
      vxlan: { vni: 7, port: 8472 },
      checks: { source: 'pool', destination: 'off' },
    },
  ]).inventory;
  t.like(configOf(settings, probes), {
    vni: 7,
    vxlanPort: 8472,
    sourceCheck: 'pool',
    destinationCheck: 'off',
  });
});

test('without one, both checks are strict', (t) => {
  t.like(configOf(worldOf([]).inventory.settings, probes), {
    sourceCheck: 'strict',
    destinationCheck: 'strict',
  });
});
