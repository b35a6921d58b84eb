import test, { type ExecutionContext } from 'ava';
import type { Diagnosis } from '../../src/doctor/diagnosis.js';
import { nft } from '../../src/lab/nft.js';
import { whyNoUnderlay } from '../support/kernel-devices.js';
import { skips, skipsFor } from '../support/needs.js';
import { inside, ip, Network, obstacle } from '../support/network/network.js';
import type { Underlay } from '../support/wiring.js';

// Most rules of a firewall never see outer headers: the programs are ahead of them. Those of what lies below an uplink do.

/** How eth0 is made of nic0. */
const made = {
  bridge: ['link add eth0 type bridge', 'link set nic0 master eth0', 'link set nic0 up'],
  bond: [
    'link add eth0 type bond mode active-backup miimon 100',
    'link set nic0 master eth0',
    'link set nic0 up',
  ],
  vlan: ['link set nic0 up', 'link add eth0 link nic0 type vlan id 5'],
} as const satisfies Partial<Record<Underlay, readonly string[]>>;

/** On both nodes: a VLAN needs a far end. */
function remake(network: Network, underlay: keyof typeof made): void {
  for (const [place, node] of (['a', 'b'] as const).entries())
    for (const line of [
      'link set eth0 down',
      'address flush dev eth0',
      'link set eth0 name nic0',
      ...made[underlay],
      'link set eth0 up',
      `address add 192.168.77.${place + 1}/24 dev eth0`,
    ])
      ip('-n', network.space(node), ...line.split(' '));
}

/** Chains, whether they stop what is in tunnels, and what the doctor says of their rule then. */
const chains = [
  { family: 'netdev', hook: 'ingress device nic0', stops: true },
  { family: 'netdev', hook: 'egress device nic0', stops: true },
  { family: 'netdev', hook: 'ingress device eth0', stops: false },
  { family: 'netdev', hook: 'ingress device cali0', stops: false },
  { family: 'inet', hook: 'input', stops: false },
] as const;

async function below(t: ExecutionContext, underlay: keyof typeof made): Promise<void> {
  if (skips(t, 'ip', 'nsenter', 'ping', 'nft')) return;
  if (skipsFor(t, obstacle() ?? whyNoUnderlay(underlay))) return;
  await using network = new Network();
  remake(network, underlay);
  await network.command('a');
  await network.command('b');
  t.true(network.ping(20) > 0);
  const ofBridge = { family: 'bridge', hook: 'prerouting', stops: true } as const;
  for (const { family, hook, stops } of underlay === 'bridge' ? [...chains, ofBridge] : chains) {
    const rule = `type filter hook ${hook} priority 0; udp dport 4789 drop;`;
    inside(network.space('a'), nft, `table ${family} test { chain one { ${rule} }; }`);
    t.is(network.ping(), stops ? 0 : 3, rule);
    const { findings } = JSON.parse(network.ended('a', 'doctor', '-o', 'json').stdout) as Diagnosis;
    t.deepEqual(
      findings
        .filter(({ id }) => id === 'firewall-rule')
        .map(({ severity, seen }) => `${severity}: ${seen}`),
      [`${stops ? 'warn' : 'note'}: a rule in ${family} test one drops UDP 4789 (VXLAN)`],
      rule,
    );
    inside(network.space('a'), nft, `delete table ${family} test`);
  }
}

for (const underlay of ['bridge', 'bond', 'vlan'] as const)
  test.serial(
    `a rule below an uplink that is a ${underlay} is ahead of the programs`,
    below,
    underlay,
  );
