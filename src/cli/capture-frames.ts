import { enhancedPacket, interfaceDescription, sectionHeader } from '../net/pcapng.js';
import { decisionComment } from './decision-text.js';
import type { Told } from './tracing.js';

/** The interfaces of the file, by their numbers in it: on this side of the programs, and on the wire's. */
const interfaces = { inner: 0, outer: 1 } as const;

/** What a capture begins with. */
export function headOf(hardware: string, snapBytes: number): Buffer {
  return Buffer.concat([
    sectionHeader(hardware),
    interfaceDescription('inner', 'packets as this host sends and receives them', snapBytes),
    interfaceDescription('outer', 'packets as the underlay carries them', snapBytes),
  ]);
}

/** A decision's frames: what was met, and what left where the packet went on as one of ours. */
export function framesOf(
  { decision, row, nanoseconds }: Told,
  point: 'before' | 'after' | 'both',
): readonly Buffer[] {
  const isEgress = decision.direction === 'egress';
  const comment = decisionComment(row);
  const isCarried = ['encap', 'decap', 'direct'].includes(row.decision);
  const block = (side: keyof typeof interfaces, { bytes, size }: Told['decision']['met']): Buffer =>
    enhancedPacket({
      interface: interfaces[side],
      nanoseconds,
      length: size,
      bytes,
      comment,
      direction: isEgress ? 'outbound' : 'inbound',
    });
  return [
    ...(point === 'after' ? [] : [block(isEgress ? 'inner' : 'outer', decision.met)]),
    ...(point === 'before' || !isCarried
      ? []
      : [block(isEgress ? 'outer' : 'inner', decision.left)]),
  ];
}
