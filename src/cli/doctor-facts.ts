import { existsSync } from 'node:fs';
import type { Folders } from '../datapath/folders.js';
import type { Cluster } from '../doctor/cluster.js';
import type { Facts } from '../doctor/facts.js';
import { EncapError } from '../errors.js';
import { withEnvironmentOf } from './agent-environment.js';
import { nodeNameOf } from './inputs.js';
import { checkAccess } from './pinned.js';
import { placeOf } from './source.js';
import { filesOf, type OnceOptions } from './world.js';

/** Where `encap install` puts this node's configuration. */
const usualConfig = '/etc/encap/node.yaml';

/** Reads all that there is to see of this node; PERMISSION for who may not. */
export async function examineNode(
  options: OnceOptions,
  env: NodeJS.ProcessEnv,
  sampleMs = 500,
): Promise<{ readonly facts: Facts; readonly folders: Folders }> {
  const [{ foldersOf }, { examine }, { holder }] = await Promise.all([
    import('../datapath/folders.js'),
    import('../doctor/facts.js'),
    import('../agent/lock.js'),
  ]);
  const folders = foldersOf(env);
  mayLook(folders);
  const agent = await holder(folders.run);
  const cluster = await clusterOf(options, withEnvironmentOf(agent, env), folders);
  return { facts: await examine({ folders, agent, cluster, sampleMs }), folders };
}

/** That there is no datapath is for the doctor to say. */
function mayLook({ pins }: Folders): void {
  if (process.geteuid?.() !== 0 && !existsSync(pins))
    throw new EncapError('cannot examine this node: that is for root', {
      code: 'PERMISSION',
      why: 'this process is not root',
      hint: 'run it again with sudo',
    });
  if (existsSync(pins)) checkAccess(pins);
}

async function clusterOf(
  given: OnceOptions,
  env: NodeJS.ProcessEnv,
  folders: Folders,
): Promise<Cluster | undefined> {
  const isNamed =
    given.file.length > 0 ||
    given.config !== undefined ||
    given.source !== undefined ||
    env.ENCAP_CONFIG;
  const options = isNamed || !existsSync(usualConfig) ? given : { ...given, config: usualConfig };
  if (
    !isNamed &&
    options.config === undefined &&
    !env['DATASTORE_TYPE'] &&
    !existsSync('/etc/encap/cluster.d')
  )
    return undefined;
  const [{ compareWith }, { Netlink }, { defaultTiming }, { worldOf }] = await Promise.all([
    import('../doctor/cluster.js'),
    import('libbpf-ts'),
    import('../agent/run.js'),
    import('../model/assemble.js'),
  ]);
  const switching = { delayMs: defaultTiming.delay, graceMs: defaultTiming.grace };
  const words = wordsOf(options, env);
  using netlink = Netlink.open();
  try {
    const place = await placeOf(options, env);
    const node = nodeNameOf(options.node, env, place.config?.node);
    const world = worldOf(await filesOf(place, options, node), { environment: env, node });
    return compareWith(netlink, { world, node, words, folders, switching });
  } catch (failure) {
    if (!(failure instanceof EncapError)) throw failure;
    const node = nodeNameOf(options.node, env);
    return compareWith(netlink, { world: failure, node, words, folders, switching });
  }
}

/** What other commands are to be told, for the same resources. */
function wordsOf({ file, config, source }: OnceOptions, env: NodeJS.ProcessEnv): string {
  const files = file.length > 0 ? file : (env.ENCAP_CONFIG?.split(':') ?? []);
  return [
    ...(config === undefined ? [] : ['-c', config]),
    ...(source === undefined ? [] : ['--source', source]),
    ...files.flatMap((path) => ['-f', path]),
  ].join(' ');
}
