import { ip, inside } from '../support/network/network.js';
import { networkTest } from '../support/network/network-test.js';
import { within } from '../support/slowness.js';
import { machineOf } from './machine.js';
import { logRepetitions, repetitionsOf } from '../support/repetitions.js';

for (const attach of ['tcx', 'clsact'] as const)
  networkTest(
    `F45 down leaves the machine as it was, again and again (${attach})`,
    async (t, network) => {
      const times = repetitionsOf('F45');
      t.timeout(within(60_000 + times * 20_000));
      const space = network.space('a');
      // what others have set up, beside ours and like ours
      ip('-n', space, 'route', 'add', 'blackhole', '10.99.0.0/24', 'proto', '80');
      ip('-n', space, 'address', 'add', '10.98.0.1/32', 'dev', 'lo');
      ip('-n', space, 'rule', 'add', 'from', '10.97.0.0/16', 'lookup', '97');
      ip('-n', space, 'route', 'add', '10.244.0.0/16', 'via', '192.168.77.2', 'table', '97');
      ip('-n', space, 'neigh', 'add', '192.168.77.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'eth0');
      inside(space, 'nft', 'table ip others { chain c { type filter hook forward priority 5; }; }');
      inside(space, 'tc', 'qdisc', 'add', 'dev', 'cali0', 'clsact');
      const before = machineOf(network, 'a');
      for (let time = 0; time < times; time += 1) {
        const agent = await network.agent('a', attach);
        const during = machineOf(network, 'a');
        await agent.end(time % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
        t.notDeepEqual(during, before);
        network.run('a', 'down');
        t.deepEqual(machineOf(network, 'a'), before);
      }
      logRepetitions(t, 'F45', times);
    },
    'nft',
    'tc',
    'sysctl',
  );
