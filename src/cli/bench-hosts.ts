import type { HostPath, Hosts } from '../bench/hosts.js';
import { EncapError } from '../errors.js';
import { familyOf, parseAddress } from '../net/address.js';
import type { RunOptions } from './bench.js';

/** The machines and paths of `--ssh`; undefined where it was not given. */
export function hostsOf(options: RunOptions): Hosts | undefined {
  const { ssh, sshConfig: configFile, path = [], variants, underlays, rules } = options;
  if (ssh === undefined) {
    if (path.length > 0) throw wrong('--path goes with --ssh', 'name two machines with --ssh');
    if (configFile !== undefined)
      throw wrong('--ssh-config goes with --ssh', 'name two machines with --ssh');
    return undefined;
  }
  if (variants !== undefined || underlays !== undefined || rules !== undefined)
    throw wrong(
      '--variants, --underlays and --rules are of networks that we make',
      'between machines there are the paths that --path names',
    );
  const [client, server, ...more] = ssh;
  if (client === undefined || server === undefined || more.length > 0 || client === server)
    throw wrong('--ssh wants two machines', '--ssh root@node-a,root@node-b');
  const paths = path.map(pathOf);
  if (paths.length === 0)
    throw wrong(
      '--ssh wants a --path',
      `${example}: an address of the one, an address of the other`,
    );
  const twice = paths.find(
    ({ name }, place) => paths.findIndex((one) => one.name === name) < place,
  );
  if (twice !== undefined)
    throw wrong(`there are two paths ${twice.name}`, 'give each path a name of its own');
  return {
    targets: [client, server],
    ...(configFile === undefined ? {} : { configFile }),
    paths,
  };
}

const example = '--path underlay=192.0.2.1,192.0.2.2';

/** `NAME=CLIENT,SERVER`. */
function pathOf(text: string): HostPath {
  const [, name = '', from = '', to = ''] = /^([\w.-]+)=([^,]+),([^,]+)$/.exec(text) ?? [];
  if (name === '') throw wrong(`the path ${text} is not NAME=ADDRESS,ADDRESS`, example);
  const [client, server] = [parseAddress(from), parseAddress(to)];
  if (familyOf(client) !== familyOf(server))
    throw wrong(`the path ${name} has addresses of two families`, example);
  return { name, client, server };
}

function wrong(what: string, hint: string): EncapError {
  return new EncapError(`cannot measure between machines: ${what}`, { code: 'USAGE', hint });
}
