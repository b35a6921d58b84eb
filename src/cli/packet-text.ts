import { dissect, type Layer } from './dissect.js';
import type { Packet } from './packet-line.js';
import type { Answer, Run } from './packet-run.js';
import type { Paint } from './paint.js';

/** A packet and what became of it, taken apart. */
export function packetText(
  paint: Paint,
  { direction, fromWorkload, mark, frame }: Packet,
  { met, left, answer }: Run,
  vxlanPort: number,
): string {
  const how = [
    direction,
    ...(fromWorkload && direction === 'egress' ? ['forwarded'] : []),
    ...(mark ? ['marked as ours'] : []),
    `${frame.length} bytes`,
    ...(Buffer.compare(frame, met) === 0 ? [] : ["addressed to nobody, as the pool's route says"]),
  ];
  const lines = [
    `${paint.bold('in ')}   ${how.join(', ')}`,
    ...layers(paint, dissect(met, vxlanPort)),
  ];
  lines.push(`${paint.bold('out')}   ${outText(paint, answer)}`);
  if (left !== undefined && Buffer.compare(met, left) !== 0)
    lines.push(...layers(paint, dissect(left, vxlanPort)));
  return `${lines.join('\n')}\n`;
}

function outText(paint: Paint, { verdict, action, peer, output, reason }: Answer): string {
  if (verdict === null || action === undefined) return `${paint.red('not run')}: ${reason ?? ''}`;
  const because = reason === undefined ? '' : `: ${reason}`;
  const bytes = output === null ? '' : `, ${output.length / 2} bytes`;
  switch (action) {
    case 'drop':
      return `${paint.red('drop')}, ${verdict}${because}${bytes}`;
    case 'pass':
      return `pass as it came, ${verdict}${because}`;
    case 'encap':
    case 'direct':
      return `${paint.green(action)}, ${verdict} to ${peer ?? 'nobody'}${bytes}`;
    case 'decap':
      return `${paint.green(action)}, ${verdict} from ${peer ?? 'an external node'}${bytes}`;
  }
}

function layers(paint: Paint, list: readonly Layer[]): readonly string[] {
  const width = Math.max(...list.map(({ name }) => name.length));
  return list.map(({ name, says }) => `      ${paint.dim(name.padEnd(width))}   ${says}`);
}
