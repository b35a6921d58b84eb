import type { Pinged } from '../ping.js';

/** Rows send, columns answer: how each pair crossed the underlay. */
export function matrix(pings: readonly Pinged[]): string {
  const names = [...new Set(pings.map(({ from }) => from.name))];
  const row = (from: string): string =>
    [from, ...names.map((to) => cell(pings, from, to))].map(pad).join('').trimEnd();
  return [[' ', ...names].map(pad).join('').trimEnd(), ...names.map(row)].join('\n');
}

/** How many pairs were reached, and by which way. */
export function tally(pings: readonly Pinged[]): string {
  const reached = pings.filter((pinged) => pinged.reached);
  const ways = [...new Set(reached.map(({ how }) => how ?? 'unseen'))];
  const counted = ways.map(
    (way) => `${reached.filter(({ how }) => (how ?? 'unseen') === way).length} ${way}`,
  );
  return `${reached.length} of ${pings.length} pairs reached: ${counted.join(', ')}`;
}

function cell(pings: readonly Pinged[], from: string, to: string): string {
  const pinged = pings.find((one) => one.from.name === from && one.to.name === to);
  if (pinged === undefined) return '·';
  return pinged.reached ? (pinged.how ?? 'unseen') : 'LOST';
}

function pad(text: string): string {
  return text.padEnd(8);
}
