import * as z from 'zod';
import { EncapError } from '../errors.js';
import type { Address } from '../net/address.js';
import { toolsOf, type MakeBed } from './bed.js';
import { busySeconds } from './cpu.js';
import { lacks, node, toolsAt, type Missing, type Tool } from './generators/generator.js';
import { loads } from './load.js';
import { machineAt } from './machine.js';
import { askAt, runAt, type Place } from './place.js';
import { machineText } from './report.js';
import type { BenchRun } from './result.js';
import type { Plan } from './run.js';
import { checkQuiet, connect } from './ssh.js';

/** The one underlay between two machines: nothing of it is changed. */
export const asItIs = 'as it is';

/** Two machines and what is to be compared between them. */
export interface Hosts {
  /** As ssh takes them: that of the clients, that of the servers. */
  readonly targets: readonly [string, string];
  /** Of ssh, in the place of the user's own. */
  readonly configFile?: string;
  readonly paths: readonly HostPath[];
}

/** From an address of the one machine to one of the other. */
export interface HostPath {
  readonly name: string;
  readonly client: Address;
  readonly server: Address;
}

/** Measures between two machines that have their networks already: they are looked at, and used. */
export function between({ targets, configFile, paths }: Hosts): MakeBed {
  return async (plan, { onStep }) => {
    const connections = connect(targets, configFile);
    try {
      const { places } = connections;
      const tools = [iproute, ...toolsOf(plan.loads)];
      const found = [];
      for (const place of places) await checkQuiet(place);
      for (const place of places) found.push({ place, ...(await toolsAt(place, tools)) });
      const absent = found.flatMap((one) => absentLoads(plan, one.place, one.missing));
      const [client, server] = places;
      const machine = await lookAt(client, paths);
      onStep(machineText(machine));
      const peer = await lookAt(server, paths.map(turned));
      onStep(machineText(peer));
      return {
        facts: { machine, peer, versions: Object.fromEntries(found.flatMap(versionsOf)) },
        absent,
        paths: new Map(
          paths.map((path) => [
            path.name,
            {
              client: { place: client, address: path.client },
              server: { place: server, address: path.server },
              polls: true,
            },
          ]),
        ),
        lay: () => Promise.resolve(),
        busySeconds: async () => {
          const stats = await Promise.all(places.map((place) => askAt(place, procStat)));
          return stats.reduce((sum, stat) => sum + busySeconds(stat), 0);
        },
        costs: () => Promise.resolve([]),
        [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
      };
    } catch (error) {
      await connections[Symbol.asyncDispose]();
      throw error;
    }
  };
}

const iproute: Tool = { command: 'ip', debian: 'iproute2', versionOption: '-V' };
const procStat = ['cat', '/proc/stat'];

function turned({ name, client, server }: HostPath): HostPath {
  return { name, client: server, server: client };
}

/** Node is seldom on a machine that is measured: what needs it may be left out. All else has to be there. */
export function absentLoads(
  plan: Pick<Plan, 'loads' | 'absence'>,
  place: Place,
  missing: readonly Missing[],
): BenchRun['absent'] {
  return missing.flatMap((one) => {
    if (one.tool !== node || plan.absence === 'is an error') throw lacks(place, one);
    return plan.loads
      .filter((load) => loads[load].tool === node)
      .map((load) => ({ load, why: `there is no ${node.command} on ${place.name}: ${one.why}` }));
  });
}

function versionsOf({
  place,
  versions,
}: {
  readonly place: Place;
  readonly versions: Readonly<Record<string, string>>;
}): readonly (readonly [string, string])[] {
  return Object.entries(versions).map(([tool, version]) => [`${tool} on ${place.name}`, version]);
}

/** What a machine is, and by which interfaces its side of the paths goes. */
async function lookAt(place: Place, paths: readonly HostPath[]): Promise<BenchRun['machine']> {
  const leaves = [];
  for (const { name, client: from, server: to } of paths) {
    await checkOwn(place, name, from);
    const way = await askAt(place, ['ip', '-j', 'route', 'get', to, 'from', from]);
    const [{ dev }] = routes.parse(JSON.parse(way));
    leaves.push({ path: name, interface: dev, ...(await interfaceAt(place, dev)) });
  }
  return { name: place.name, ...(await machineAt(place)), leaves };
}

const routes = z.tuple([z.object({ dev: z.string() })]);
const links = z.tuple([
  z.object({
    mtu: z.number(),
    linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  }),
]);
const addresses = z.array(z.object({ addr_info: z.array(z.unknown()).default([]) }));

async function checkOwn(place: Place, path: string, address: Address): Promise<void> {
  const said = await askAt(place, ['ip', '-j', 'address', 'show', 'to', address]);
  if (addresses.parse(JSON.parse(said)).some(({ addr_info: own }) => own.length > 0)) return;
  throw new EncapError(
    `cannot measure the path ${path}: ${address} is no address of ${place.name}`,
    {
      code: 'USAGE',
      hint: `--path NAME=CLIENT,SERVER: of the first machine, then of the second; see \`ip address\` on ${place.name}`,
    },
  );
}

/** A device of the kernel's own has a kind in the place of a driver. */
async function interfaceAt(
  place: Place,
  name: string,
): Promise<{ readonly driver: string; readonly mtu: number }> {
  const said = await askAt(place, ['ip', '-j', '-d', 'link', 'show', 'dev', name]);
  const [{ mtu, linkinfo: { info_kind: kind } = {} }] = links.parse(JSON.parse(said));
  if (kind !== undefined) return { driver: kind, mtu };
  const { stdout } = await runAt(place, ['readlink', `/sys/class/net/${name}/device/driver`]);
  return { driver: stdout.split('/').at(-1) || 'no driver', mtu };
}
