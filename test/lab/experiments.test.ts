import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { root } from '../cli/encap.js';
import { skips } from '../support/needs.js';

const run = promisify(execFile);
const folder = join(root, 'vagrant/experiments');
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

/** What each has to show; numbers that are not the machine's to choose are in it. */
const lines: Readonly<Record<string, RegExp>> = {
  '01-what-is-added': /a frame of 98 bytes: 148 by VXLAN \(50 more\), 118 by IP-in-IP \(20 more\)/,
  '02-crosssubnet': /CrossSubnet sends to nodes of its own subnet as it is, Always never does/,
  '03-mtu-black-hole': /1450 bytes are lost without a word behind a link of 1400, 1350 pass/,
  '04-super-packets': /a workload's \d{4,5} bytes cross the node whole, .*: 1514/,
  '05-checksum-offload': /with offload [1-9]\d* of 12 checksums leave unfinished, without it 0/,
  '06-ecn': /CE outside becomes CE inside for who can hear it \(0x3\), a loss for others/,
  '07-spoofed-tunnel': /of 3 forged packets the kernel's device delivers 3, encapd 0/,
  '08-live-switch': /VXLAN became IP-in-IP under traffic, and none of \d{3,} pings was lost/,
  '09-beside-the-kernel': /eBPF and vxlan\.calico(, eBPF and tunl0)?: one overlay/,
  '10-without-the-agent': /0 of \d{3,} packets lost without an agent, and while one took over/,
  '11-source-ports': /each inner flow has an outer source port of its own, from 49152 on/,
  '12-five-kernels': /one object, and what each kernel makes of it/,
};

const shows = test.macro({
  title: (_, name: string) => `the experiment ${name} shows what its README says`,
  async exec(t: ExecutionContext, name: string) {
    const expected = lines[name];
    const readme = readFileSync(join(folder, name, 'README.md'), 'utf8');
    t.regex(readme, new RegExp(`SHOWN: .*(${expected?.source})`), 'the README has the line');
    if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump', 'iperf3', 'nft', 'ethtool')) return;
    const { stdout } = await run(join(folder, name, 'run'), [], {
      env: { ...process.env, ENCAP_LAB: 'namespaces' },
      timeout: 120_000,
    });
    t.log(stdout);
    t.regex(stdout, new RegExp(`^SHOWN: ${expected?.source}`, 'm'));
  },
});

for (const name of names) test.serial(shows, name);

test('every experiment is listed, with the line that it shows', (t) => {
  t.deepEqual(names, Object.keys(lines));
  const list = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const name of names) t.true(list.includes(`(${name}/`), `experiments/README.md has ${name}`);
});
