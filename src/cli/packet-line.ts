import * as z from 'zod';
import { EncapError } from '../errors.js';
import { directions, type Direction } from './packet-direction.js';

/** A packet to run, as a user gives it. */
export interface Packet {
  readonly id: string | number;
  readonly direction: Direction;
  readonly frame: Uint8Array;
  /** Egress: it came in at a workload's interface. */
  readonly fromWorkload: boolean;
  /** It carries our own mark. */
  readonly mark: boolean;
  /** The destination MAC of an egress frame stays, whatever route it would take. */
  readonly raw: boolean;
}

const line = z.strictObject({
  id: z.union([z.string(), z.number()]).optional(),
  direction: z.enum(directions).optional(),
  hex: z.string(),
  fromWorkload: z.boolean().optional(),
  mark: z.boolean().optional(),
  raw: z.boolean().optional(),
});

/** One line of JSON. Its number is the id of a packet that has none. */
export function packetFrom(text: string, number: number, usual: Direction): Packet {
  const place = { file: '<stdin>', line: number };
  const refuse = (why: string, cause?: unknown): never => {
    throw new EncapError(`cannot read packet ${number}: ${why}`, {
      code: 'CONFIG_INVALID',
      hint: 'give one object in each line: {"id":1,"direction":"ingress","hex":"0200…"}',
      place,
      cause,
    });
  };
  const read = line.safeParse(parsed(text, refuse));
  if (!read.success) {
    const [issue] = read.error.issues;
    return refuse(`${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'unknown'}`);
  }
  const { id, direction, hex, fromWorkload, mark, raw } = read.data;
  return {
    id: id ?? number,
    direction: direction ?? usual,
    frame: frameFrom(hex, refuse),
    fromWorkload: fromWorkload === true,
    mark: mark === true,
    raw: raw === true,
  };
}

/** Hexadecimal digits; what separates them does not matter. */
export function frameFrom(digits: string, refuse: (why: string) => never): Uint8Array {
  const compact = digits.replace(/[\s:]/g, '');
  const stray = /[^0-9a-f]/i.exec(compact);
  if (stray !== null) refuse(`${JSON.stringify(stray[0])} is no hexadecimal digit`);
  if (compact.length === 0) refuse('there are no bytes');
  if (compact.length % 2 === 1) refuse(`${compact.length} hexadecimal digits are no whole bytes`);
  return new Uint8Array(Buffer.from(compact, 'hex'));
}

function parsed(text: string, refuse: (why: string, cause: unknown) => never): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return refuse(`it is no JSON: ${(cause as Error).message}`, cause);
  }
}
