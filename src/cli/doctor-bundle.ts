import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { foldersOf } from '../datapath/folders.js';
import { mapNames } from '../datapath/maps.js';
import { readState } from '../datapath/state.js';
import { withoutSecrets } from '../doctor/secrets.js';
import type { Diagnosis } from '../doctor/diagnosis.js';
import { EncapError } from '../errors.js';
import { dumpMap } from './map-dump.js';
import { pinnedDatapath } from './pinned.js';
import { statusReport } from './status-report.js';

/** What a stranger needs to see of a network, by the name of its file. None of these says a key or a password. */
const commands = {
  'uname.txt': ['uname', '-a'],
  'links.json': ['ip', '-d', '-s', '-j', 'link'],
  'addresses.json': ['ip', '-d', '-j', 'address'],
  'routes.txt': ['ip', 'route', 'show', 'table', 'all'],
  'routes6.txt': ['ip', '-6', 'route', 'show', 'table', 'all'],
  'rules.txt': ['ip', 'rule'],
  'neighbours.json': ['ip', '-s', '-j', 'neighbour'],
  'nstat.txt': ['nstat', '-as'],
  'nft.txt': ['/usr/sbin/nft', 'list', 'ruleset'],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>;

/** Packs it with tar(1), for its owner only; gives back how many files are in it. */
export async function writeBundle(
  file: string,
  diagnosis: Diagnosis,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { execa } = await import('execa');
  const folder = mkdtempSync(join(tmpdir(), 'encap-bundle-'));
  const inside = join(folder, 'encap-doctor');
  try {
    mkdirSync(inside);
    const put = (name: string, text: string): void =>
      writeFileSync(join(inside, name), withoutSecrets(text), { mode: 0o600 });
    put('diagnosis.json', json(diagnosis));
    const state = readState(foldersOf(env).run);
    if (state !== undefined) put('state.json', json(state));
    for (const [name, text] of await ofDatapath(env)) put(name, text);
    for (const [name, [word, ...rest]] of Object.entries(commands)) {
      const { stdout, stderr, failed } = await execa(word, rest, { reject: false });
      put(name, failed ? `${word} ${rest.join(' ')} failed: ${stderr}\n` : `${stdout}\n`);
    }
    for (const name of ['ipv4/ip_forward', 'ipv4/conf/all/rp_filter', 'ipv6/conf/all/forwarding'])
      put(`sysctl-${name.replaceAll('/', '.')}.txt`, sysctl(name));
    const words = ['-czf', resolve(file), '-C', folder, 'encap-doctor'];
    const packed = await execa('tar', words, { reject: false });
    if (packed.failed)
      throw new EncapError(`cannot write ${file}: ${packed.stderr.trim() || packed.shortMessage}`, {
        code: packed.code === 'ENOENT' ? 'FEATURE_MISSING' : 'FILE_UNREADABLE',
        hint:
          packed.code === 'ENOENT'
            ? 'apt install tar'
            : 'name a file in a folder that is there and writable',
      });
    return readdirSync(inside).length;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Status and tables; where there is no datapath the diagnosis says so. */
async function ofDatapath(env: NodeJS.ProcessEnv): Promise<readonly (readonly [string, string])[]> {
  try {
    const { folders, generation } = await pinnedDatapath(env);
    const state = readState(folders.run);
    return [
      ['status.json', json(await statusReport(env))],
      ...mapNames
        .filter((name) => name !== 'decisions') // what is read from it is gone from it
        .map((name) => [`map-${name}.json`, json(dumpMap(name, generation, state).items)] as const),
    ];
  } catch (failure) {
    if (!(failure instanceof EncapError)) throw failure;
    return [['status.txt', `${failure.message}\n`]];
  }
}

function sysctl(name: string): string {
  try {
    return readFileSync(`/proc/sys/net/${name}`, 'utf8');
  } catch (failure) {
    return `${(failure as Error).message}\n`;
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
