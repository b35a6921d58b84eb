import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Direction } from '../../support/count.js';
import { nobody } from '../../support/frames.js';
import { root } from '../../support/object.js';
import { fromHex, macBytes } from '../../support/packet.js';
import { etherTypes, readIp, u16 } from '../reference/ip.js';
import type { Atlas } from '../reference/world.js';

/** A packet, and how it got to a program. */
export interface Row {
  readonly id: string;
  readonly direction: Direction;
  readonly frame: Uint8Array;
  /** This host, a workload, or the uplink's own wire. */
  readonly from: 'local' | 'pod' | 'uplink';
  /** Carries our own mark. */
  readonly marked: boolean;
}

const corpusRow = z.object({
  id: z.string(),
  program: z.enum(['decap', 'encap']),
  hex: z.string(),
  ctx: z
    .object({
      ingress_ifindex: z.union([z.enum(['pod', 'uplink']), z.literal(0)]).optional(),
      mark: z.literal('own').optional(),
    })
    .optional(),
});

/** The corpus. What takes a pool's route on its way out is addressed to nobody; the corpus wrote the router's MAC. */
export function corpusRows(atlas: Atlas): readonly Row[] {
  const file = join(root, 'test/program/corpus.json');
  const rows = z.array(corpusRow).parse(JSON.parse(readFileSync(file, 'utf8')));
  return rows.map(({ id, program, hex, ctx }) => {
    const frame = fromHex(hex);
    const family = etherTypes.get(u16(frame, 12));
    const ip = family && readIp(family, frame.subarray(14));
    if (program === 'encap' && ip !== undefined && atlas.isPooled(ip.destination))
      frame.set(macBytes(nobody), 0);
    return {
      id,
      direction: program === 'encap' ? 'egress' : 'ingress',
      frame,
      from: ({ pod: 'pod', uplink: 'uplink', 0: 'local' } as const)[ctx?.ingress_ifindex ?? 0],
      marked: ctx?.mark === 'own',
    };
  });
}
