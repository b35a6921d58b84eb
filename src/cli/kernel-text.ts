import type { Action } from '../decide/verdict.js';
import type { Difference, Pushed } from './agreement.js';
import { endText } from './decision-text.js';
import type { KernelAnswer } from './kernel-answer.js';
import type { Paint } from './paint.js';

type Answered = Extract<KernelAnswer, { readonly asked: true }>;

export function unaskedText(paint: Paint, why: string): string {
  return paint.dim(`kernel not asked: ${why}`);
}

/** What the kernel says, under the explanation that it is compared with. */
export function answeredText(
  paint: Paint,
  { action, kernel }: { readonly action: Action; readonly kernel: Answered },
  meanings: ReadonlyMap<string, string>,
): string {
  const { agrees, differences, remark } = kernel;
  const head = agrees ? paint.green('kernel agrees') : paint.red('kernel DISAGREES');
  return [
    `${head}: the loaded program, run on such a packet (${packetText(kernel)}), ${action === 'local' && agrees ? heldText(kernel) : doneText(kernel, meanings)}`,
    ...differenceLines(differences),
    ...(remark === undefined ? [] : [` ${paint.yellow('!')} ${remark}`]),
  ].join('\n');
}

/** Nobody shall think that what is delivered here is lost. */
function heldText({ verdict }: Answered): string {
  return `would not send it (${verdict}); the host delivers it before it gets there`;
}

function packetText({ packet }: Answered): string {
  const { protocol, sourcePort, destinationPort, sizeBytes } = packet;
  const ports = protocol === 'icmp' ? '' : ` ${sourcePort} > ${destinationPort}`;
  return `${protocol}${ports}, ${sizeBytes} bytes`;
}

function doneText(
  { fate, verdict, pushed, via, sentBytes }: Answered,
  meanings: ReadonlyMap<string, string>,
): string {
  const meaning = meanings.get(verdict);
  const why = meaning === undefined ? verdict : `${verdict}: ${meaning}`;
  switch (fate) {
    case 'vxlan':
    case 'ipip':
    case 'ip6ip':
      return `sends it in ${fate}, ${pushed === undefined ? verdict : pushedText(pushed)}, ${String(sentBytes)} bytes`;
    case 'direct':
      return `sends it as it is to ${via ?? 'nobody'}`;
    case 'too-big':
      return `does not send it (${why})`;
    case 'cut':
      return `has it cut into pieces first (${why})`;
    case 'drop':
      return `drops it (${why})`;
    case 'pass':
      return `leaves it to the host's own routes (${why})`;
  }
}

function pushedText({ source, destination, sourcePort, destinationPort, vni }: Pushed): string {
  const ends = `${endText(source, sourcePort)} > ${endText(destination, destinationPort)}`;
  return vni === null ? ends : `${ends} vni ${vni}`;
}

function differenceLines(differences: readonly Difference[]): readonly string[] {
  const width = Math.max(...differences.map(({ what }) => what.length));
  return differences.map(
    ({ what, explained, kernel }) =>
      `   ${what.padEnd(width)}   explained ${explained}, kernel ${kernel}`,
  );
}
