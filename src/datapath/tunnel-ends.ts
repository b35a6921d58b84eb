import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { TunnelEnds } from '../model/tunnel-ends.js';
import { readAddress, type Address } from '../net/address.js';
import { readMac, type Mac } from '../net/mac.js';
import { readRecord } from './record.js';
import { writeAtomically } from './write.js';

const address = z
  .string()
  .refine((text) => readAddress(text) === text, { error: 'no address' })
  .transform((text) => text as Address);
const mac = z
  .string()
  .refine((text) => readMac(text) === text, { error: 'no MAC' })
  .transform((text) => text as Mac);
const vtep = z.strictObject({ address, tunnelAddress: address, mac });
const schema = z.strictObject({
  apiVersion: z.literal('encap/v1'),
  kind: z.literal('TunnelEnds'),
  own: z.strictObject({
    vxlan: vtep.optional(),
    vxlanV6: vtep.optional(),
    ipip: z.strictObject({ tunnelAddress: address }).optional(),
  }),
  vni: z.int().min(0).max(0xffffff),
  port: z.int().min(1).max(0xffff),
  vteps: z.record(z.string(), address),
});

/** Where an agent that replaces Calico's tunnel devices writes down what it takes to make them again. */
export function tunnelsFile(run: string): string {
  return join(run, 'kernel-tunnels.json');
}

/** undefined where no agent replaced any. */
export function readTunnelEnds(run: string): TunnelEnds | undefined {
  const { own, vni, port, vteps } = readRecord(tunnelsFile(run), schema) ?? {};
  if (own === undefined || vteps === undefined || vni === undefined || port === undefined)
    return undefined;
  return { own, vni, port, vteps };
}

/** undefined: nothing is replaced, and nothing will be made again. */
export function writeTunnelEnds(run: string, ends: TunnelEnds | undefined): void {
  if (ends === undefined) {
    rmSync(tunnelsFile(run), { force: true });
    return;
  }
  mkdirSync(run, { recursive: true, mode: 0o755 });
  const record = { apiVersion: 'encap/v1', kind: 'TunnelEnds', ...ends };
  writeAtomically(tunnelsFile(run), `${JSON.stringify(record, null, 2)}\n`);
}
