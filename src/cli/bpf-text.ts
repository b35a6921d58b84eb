import type { ProgramReport, ReportedProgram } from './bpf-report.js';
import type { Paint } from './paint.js';

/** A paragraph for each program, then what is the same for all. */
export function programReportText(paint: Paint, { kernel, object, items }: ProgramReport): string {
  const line = (title: string, text: string): string => `  ${paint.dim(title.padEnd(9))} ${text}`;
  return [
    ...items.map((item) =>
      [
        `${paint.bold(item.name)}   id ${item.id}   tag ${item.tag}   ${placesText(paint, item)}`,
        line('size', sizeText(item)),
        line('runs', runsText(item, kernel.counts)),
        line('maps', mapsText(item)),
        line('loaded', `${item.loadedAt}, build ${item.build}`),
      ].join('\n'),
    ),
    [
      object === null
        ? 'object   not known: no agent wrote down which it was'
        : `object   ${object.file} (${object.how}), sha256 ${object.sha256.slice(0, 16)}, ${object.compiler}`,
      `BTF      kernel ${kernel.release}: ${kernel.btf ? `there, fields of packets ${kernel.packetFields}` : 'none'}; ${btfText(object)}`,
    ].join('\n'),
  ].join('\n\n');
}

function placesText(paint: Paint, { attached }: ReportedProgram): string {
  if (attached.length === 0) return paint.yellow('not attached');
  const [first] = attached;
  const names = attached.map((place) => place.interface).join(', ');
  return `${first?.by} ${names} ${first?.direction}`;
}

function sizeText(item: ReportedProgram): string {
  return [
    `${item.instructions ?? '?'} instructions`,
    `${item.verifiedInstructions ?? '?'} followed by the verifier`,
    item.jitedBytes === null
      ? 'not compiled to machine code'
      : `${item.jitedBytes} bytes of machine code`,
    `${item.memlockBytes ?? '?'} bytes of memory`,
  ].join(', ');
}

function runsText({ runs: { count, ns } }: ReportedProgram, counts: boolean): string {
  const each = count === 0 ? '' : `${count}, ${Math.round(ns / count)} ns each`;
  if (counts) return each === '' ? 'none' : each;
  const off = 'not counted: sysctl kernel.bpf_stats_enabled=1';
  return each === '' ? off : `${each}, by now ${off}`;
}

function mapsText({ maps }: ReportedProgram): string {
  const shared = maps.flatMap(({ name }) => name ?? []).sort();
  const own = maps.filter(({ name }) => name === null).map(({ id }) => id);
  return [...shared, ...(own.length === 0 ? [] : [`and its own with id ${own.join(', ')}`])].join(
    ' ',
  );
}

function btfText(object: ProgramReport['object']): string {
  if (object?.btfTypes == null) return 'the object is not there to be looked at';
  return `object: ${object.btfTypes} types, ${object.relocations ?? 0} CO-RE relocations`;
}
