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

process.once('SIGINT', () => void cleanUp().then(() => process.exit(130)));
process.once('SIGTERM', () => void cleanUp().then(() => process.exit(143)));
process.exitCode = await demo();

async function demo(): Promise<number> {
  try {
    await cleanUp(); // what an interrupted run may have left
    const lab = await acts.network(name, began);
    const first = await acts.vxlan(lab);
    const grown = await acts.ipipBeside(lab);
    const all = await acts.everyPair(grown);
    await acts.packets(grown);
    await acts.explanations(grown, all);
    await acts.besideTheKernel(grown, kernelName);
    const ok = [...first, ...all].every(({ reached }) => reached);
    if (keep) {
      await removeIfUp(kernelName);
      title('the lab stays');
      say('npx encap lab status, npx encap lab ping, npx encap lab exec node-a -- encap status');
      say('remove it: npx encap lab down');
    } else {
      title('clean-up');
      say(await cleanUp());
    }
    if (!ok) say('not every pair was reached: see the matrix');
    return ok ? 0 : 1;
  } catch (error) {
    say(error instanceof EncapError ? explain(error) : String((error as Error).stack));
    await cleanUp();
    return 1;
  }
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
