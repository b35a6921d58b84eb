import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { encap } from '../../../src/lab/agent.js';

const examples = fileURLToPath(new URL('../../../../examples', import.meta.url));
const run = promisify(execFile);

/** All but `broken`, `lab` (topologies), and `ipip-beside`, which only makes sense on top of `crosssubnet`. */
const clusters = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['broken', 'lab', 'ipip-beside'].includes(entry.name))
  .map(({ name }) => name);

const isValid = test.macro({
  title: (_, folder: string) => `the resources in examples/${folder} are what Calico would accept`,
  async exec(t: ExecutionContext, folder: string) {
    const [file, ...args] = encap('validate', `${examples}/${folder}`, '-o', 'json');
    const { stdout } = await run(file, args);
    const { valid, problems } = JSON.parse(stdout) as { valid: boolean; problems: unknown[] };
    t.true(valid);
    t.deepEqual(problems, []);
  },
});

for (const folder of clusters) test(isValid, folder);

test('Calico’s API, the operator and the Kubernetes datastore say the same cluster three ways', async (t) => {
  const [calico, ...others] = await Promise.all(
    ['crosssubnet', 'installation', 'kubernetes'].map(explained),
  );
  t.is((calico as { items: unknown[] }).items.length, 4);
  for (const other of others) t.deepEqual(other, calico);
});

async function explained(folder: string): Promise<unknown> {
  const destinations = ['10.244.1.5', '10.244.2.5', '10.244.3.5', '192.168.20.11'];
  const [file, ...args] = encap(
    ...['explain', '-f', `${examples}/${folder}`, '--node', 'node-a', ...destinations],
    ...['-o', 'json'],
  );
  const { stdout } = await run(file, args);
  return JSON.parse(stdout);
}
