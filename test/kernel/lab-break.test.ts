import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { breakLab, mend } from '../../src/lab/break.js';
import type { Observation } from '../../src/lab/breaks/break.js';
import { breaks } from '../../src/lab/breaks/index.js';
import { ping } from '../../src/lab/ping.js';
import { readLab, type Lab } from '../../src/lab/state.js';
import { encap } from '../cli/encap.js';
import { sharedLab } from '../support/lab.js';
import { skips } from '../support/needs.js';
import { within } from '../support/slowness.js';

const lab = sharedLab(test, 'crosssubnet', { name: 'break' });

for (const { name, title, isRepaired } of breaks)
  test.serial(
    `${name}: ${title}; what is promised to be seen is seen, and goes away`,
    async (t) => {
      if (skips(t, 'ip', 'nsenter', 'ping', 'tcpdump', 'nft', 'ethtool', 'nstat')) return;
      const { name: own } = await lab();
      const fault = await breakLab(name, own);
      t.true(fault.observations.length > 0);
      try {
        if (isRepaired === true) await sleep(1000); // the second that it is said to take
        for (const observation of fault.observations) {
          const { text, code } = await look(own, observation);
          t.regex(text, new RegExp(observation.shows), observation.run.join(' '));
          t.is(code, observation.exit ?? 0, `${observation.run.join(' ')}\n${text}`);
        }
        t.deepEqual(readLab(own)?.broken ?? [], isRepaired === true ? [] : [name]);
      } finally {
        if (isRepaired !== true) t.deepEqual(await mend(name, own), [name]);
      }
      t.deepEqual(await unhealthy(own), []);
    },
  );

test.serial(
  'a fault that is there is not made twice, and one that is not there is not mended',
  async (t) => {
    if (skips(t, 'ip', 'nsenter', 'nft')) return;
    const { name } = await lab();
    await breakLab('loss', name);
    await t.throwsAsync(breakLab('loss', name), { message: /broken so already/ });
    await t.throwsAsync(mend('mtu', name), { message: /is not broken so/ });
    t.deepEqual(await mend(undefined, name), ['loss']);
    t.deepEqual(await mend(undefined, name), []);
    await t.throwsAsync(breakLab('gremlin', name), { message: /there is no such fault/ });
  },
);

/** What a promised command prints, on both streams, and how it ends. */
async function look(
  lab: string,
  { run }: Observation,
): Promise<{ readonly text: string; readonly code: number }> {
  const [first = '', verb = '', ...rest] = run;
  const isNamed = first !== 'lab' || rest[0] === '--name';
  const words = isNamed ? run : [first, verb, '--name', lab, ...rest];
  const { stdout, stderr, code } = await encap(words, { limitMs: within(30_000) });
  return { text: `${stdout}${stderr}`, code };
}

/** Pairs that do not reach each other, and nodes that are not well; the last of it may take a moment. */
async function unhealthy(name: string): Promise<readonly string[]> {
  const deadline = Date.now() + within(10_000);
  for (;;) {
    const [pings, sick] = [await ping({ name }), await sickNodes(readLab(name))];
    const lost = pings.filter(({ reached }) => !reached);
    const found = [...lost.map(({ from, to }) => `${from.name} > ${to.name}`), ...sick];
    if (found.length === 0 || Date.now() > deadline) return found;
    await sleep(200);
  }
}

async function sickNodes(lab: Lab | undefined): Promise<readonly string[]> {
  const words = ['encap', 'status', '--brief'];
  const said = await Promise.all(
    (lab?.nodes ?? []).map(({ name }) =>
      encap(['lab', 'exec', '--name', lab?.name ?? '', name, '--', ...words]),
    ),
  );
  return said.filter(({ code }) => code !== 0).map(({ stdout }) => stdout.trim());
}
