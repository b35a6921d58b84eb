import { EncapError } from '../errors.js';
import * as acts from './demo/acts.js';
import { say, title } from './demo/print.js';
import { remove, type Removed } from './down.js';
import { labNames } from './state.js';

// What `npm start` shows: Calico's resources in, encapsulated packets out, on a network of namespaces.

const name = 'demo';
const kernelName = 'demo-kernel';
const began = Date.now();
const keep = process.argv.includes('--keep');

// The act that runs is brought to its end, the rest left out, and the labs are removed: never two removals at once.
// `on`, not `once`: with nobody listening, execa would end this process before it has cleaned up.
const interrupts: (130 | 143)[] = [];
process.on('SIGINT', () => interrupts.push(130));
process.on('SIGTERM', () => interrupts.push(143));
process.exitCode = await demo();

async function demo(): Promise<number> {
  try {
    await cleanUp(); // what an interrupted run may have left
    const ok = await play();
    if (interrupts.length === 0 && keep) {
      await removeIfUp(kernelName);
      title('the lab stays');
      say(
        'npx encap lab status, npx encap lab ping, npx encap lab exec node-a -- npx encap status',
      );
      say('remove it: npx encap lab down');
    } else {
      title('clean-up');
      say(await cleanUp());
    }
    if (!ok && interrupts.length === 0) say('not every pair was reached: see the matrix');
    return interrupts[0] ?? (ok ? 0 : 1);
  } catch (error) {
    if (interrupts.length === 0)
      say(error instanceof EncapError ? explain(error) : String((error as Error).stack));
    say(await cleanUp());
    return interrupts[0] ?? 1;
  }
}

/** The acts, one after the other; true when every workload reached every other. */
async function play(): Promise<boolean> {
  const lab = await acts.network(name, began);
  if (interrupts.length > 0) return true;
  const first = await acts.vxlan(lab);
  if (interrupts.length > 0) return true;
  const grown = await acts.ipipBeside(lab);
  const all = await acts.everyPair(grown);
  for (const act of [
    () => acts.packets(grown),
    () => acts.explanations(grown, all),
    () => acts.besideTheKernel(grown, kernelName),
  ])
    if (interrupts.length === 0) await act();
  return [...first, ...all].every(({ reached }) => reached);
}

async function cleanUp(): Promise<string> {
  const removed = [await removeIfUp(name), await removeIfUp(kernelName)].filter(
    (one) => one !== undefined,
  );
  const namespaces = removed.reduce((sum, one) => sum + one.namespaces, 0);
  const agents = removed.reduce((sum, one) => sum + one.agents, 0);
  return `removed ${namespaces} namespaces, ${agents} agents and their pins; nothing is left (checked)`;
}

async function removeIfUp(lab: string): Promise<Removed | undefined> {
  return labNames().includes(lab) ? remove(lab) : undefined;
}

function explain({ message, why, hint }: EncapError): string {
  return [message, ...(why === undefined ? [] : [`why: ${why}`]), `do: ${hint ?? ''}`].join('\n');
}
