import test from 'ava';
import type { Diagnosis } from '../../src/doctor/diagnosis.js';
import { skipsFor } from '../support/needs.js';
import { Network, obstacle } from '../support/network/network.js';

// What only the agent was told, by its environment: the doctor looks there, and says no difference where there is none.

test('the doctor reads the resources as the running agent does', async (t) => {
  if (skipsFor(t, obstacle())) return;
  await using network = new Network();
  const found = (): readonly string[] => {
    const words = ['doctor', '-f', network.manifests, '--node', 'node-a', '-o', 'json'];
    const { findings } = JSON.parse(network.ended('a', ...words).stdout) as Diagnosis;
    // workload-mtu: what this network's workloads are like
    const told = findings.filter(
      ({ severity, id }) => severity !== 'note' && id !== 'workload-mtu',
    );
    return told.map(({ id }) => id);
  };
  const agent = await network.command('a', [], { FELIX_VXLANMTU: '1400' });
  t.deepEqual(found(), []);
  await agent.kill();
  t.deepEqual(found(), ['no-agent', 'tables-differ'], 'nobody is there to be asked');
  await network.command('a', [], { FELIX_VXLANVNI: '77' });
  t.deepEqual(found(), ['vni-differs'], 'in what all nodes have to agree on');
});
