import { clockText } from './clock.js';
import type { DecisionRow } from './decision-row.js';
import type { DecisionWord } from './decision-word.js';
import type { Paint } from './paint.js';
import type { Tuple } from './tuple.js';

/** A line of `encap trace`: when, what, why or how, which packet, whose, inside of what, how large. */
export function decisionText(paint: Paint, row: DecisionRow): string {
  const { decision, verdict, outer, inner, peer, bytes, added } = row;
  const how = isCarried(decision) ? (outer?.encap ?? '-') : verdict;
  return [
    `${clockText(row.time)}.${row.time.slice(20, 24)}`,
    colours(paint)[decision](decision.padEnd(6)),
    how.padEnd(7),
    inner === null ? 'no IP packet' : tupleText(inner),
    peer ?? '-',
    ...(outer === null ? [] : [paint.dim(`outer ${outerText(outer)}`)]),
    added === 0 ? String(bytes) : `${bytes}${added > 0 ? '+' : ''}${added}`,
  ].join('  ');
}

/** What `encap capture` writes beside a packet. */
export function decisionComment({ decision, verdict, direction, peer, inner, outer }: DecisionRow) {
  const whose = peer === null ? '' : ` ${direction === 'egress' ? 'to' : 'from'} ${peer}`;
  return [
    `encap ${decision} ${verdict}${whose}`,
    ...(inner === null ? [] : [`inner ${tupleText(inner)}`]),
    ...(outer === null ? [] : [`outer ${outer.encap} ${outerText(outer)}`]),
  ].join(', ');
}

function isCarried(decision: DecisionWord): boolean {
  return decision === 'encap' || decision === 'decap' || decision === 'direct';
}

function colours(paint: Paint): Readonly<Record<DecisionWord, (text: string) => string>> {
  const { green, cyan, yellow, dim, red } = paint;
  return { encap: green, decap: green, direct: cyan, cut: yellow, pass: dim, drop: red };
}

function outerText(outer: Tuple): string {
  const { source, destination, sourcePort, destinationPort, vni } = outer;
  const ends = `${endText(source, sourcePort)} > ${endText(destination, destinationPort)}`;
  return vni === null ? ends : `${ends} vni ${vni}`;
}

function tupleText(tuple: Tuple): string {
  const { source, destination, sourcePort, destinationPort, protocol, flags } = tuple;
  const ends = `${endText(source, sourcePort)} > ${endText(destination, destinationPort)}`;
  return flags === null ? `${ends} ${protocol}` : `${ends} ${protocol} ${flags}`;
}

/** RFC 3986: an IPv6 address in brackets, where a port follows. */
export function endText(address: string, port: number | null): string {
  if (port === null) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
