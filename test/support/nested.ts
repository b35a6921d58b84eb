import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressIn, overlays, type OverlayName } from './overlays.js';
import type { Pair, Side } from './pair.js';

/** Tunnels that workloads make between themselves; each name is that of the kernel's device. */
export type Nesting = 'vxlan' | 'vxlan with checksums' | 'geneve' | 'ipip' | 'gre' | 'wireguard';

/** The far end's address inside the tunnel. */
export const nestedAddress: Readonly<Record<Side, string>> = { a: '10.99.0.1', b: '10.99.0.2' };

/** Bytes that the tunnel puts in front of what it carries, WireGuard's the most. */
const overheadBytes = 80;

/** Makes a tunnel between the workloads, through an overlay; says what this kernel lacks for it. */
export function nest(pair: Pair, nesting: Nesting, overlay: OverlayName): string | undefined {
  const keys = { a: generateKeyPairSync('x25519'), b: generateKeyPairSync('x25519') };
  for (const [side, other] of sides) {
    const namespace = pair.workload(side);
    const [local, remote] = [addressIn(overlay, side), addressIn(overlay, other)];
    const device = devices[nesting](local, remote);
    try {
      ip(namespace, `link add nest mtu ${overlays[overlay].mtu - overheadBytes} type ${device}`);
      if (nesting === 'wireguard')
        wireguard(namespace, keys[side].privateKey, keys[other].publicKey, remote);
    } catch (cause) {
      const { stderr = '' } = cause as { stderr?: string };
      return `this machine makes no ${nesting} device: ${stderr.trim() || String(cause)}`;
    }
    ip(namespace, 'link set nest up');
    ip(namespace, `address add ${nestedAddress[side]}/24 dev nest`);
  }
  return undefined;
}

const sides = [
  ['a', 'b'],
  ['b', 'a'],
] as const;

const devices: Readonly<Record<Nesting, (local: string, remote: string) => string>> = {
  vxlan: (local, remote) => `vxlan id 7 dstport 4790 local ${local} remote ${remote}`,
  'vxlan with checksums': (local, remote) =>
    `vxlan id 7 dstport 4790 local ${local} remote ${remote} udpcsum`,
  geneve: (_local, remote) => `geneve id 7 remote ${remote}`,
  ipip: (local, remote) => `ipip local ${local} remote ${remote}`,
  gre: (local, remote) => `gre local ${local} remote ${remote}`,
  wireguard: () => 'wireguard',
};

/** `wg` of wireguard-tools; it reads a secret from a file only. */
function wireguard(namespace: string, own: KeyObject, theirs: KeyObject, remote: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'bp2-wg-'));
  const file = join(folder, 'private-key');
  const endpoint = remote.includes(':') ? `[${remote}]` : remote;
  try {
    writeFileSync(file, raw(own, 'pkcs8'), { mode: 0o600 });
    execFileSync(
      'nsenter',
      [
        `--net=/run/netns/${namespace}`,
        ...['wg', 'set', 'nest', 'listen-port', '51820', 'private-key', file],
        ...['peer', raw(theirs, 'spki')],
        ...['allowed-ips', '0.0.0.0/0', 'endpoint', `${endpoint}:51820`],
      ],
      { encoding: 'utf8', stdio: 'pipe' },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A key of RFC 7748 as WireGuard writes it: the last 32 bytes of its DER. */
function raw(key: KeyObject, type: 'spki' | 'pkcs8'): string {
  const der =
    type === 'spki'
      ? key.export({ type: 'spki', format: 'der' })
      : key.export({ type: 'pkcs8', format: 'der' });
  return der.subarray(-32).toString('base64');
}

function ip(namespace: string, command: string): void {
  execFileSync('ip', ['-n', namespace, ...command.split(' ')], { encoding: 'utf8', stdio: 'pipe' });
}
