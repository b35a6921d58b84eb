'use strict';
// docs/kernels.md: its table, kernel × feature, is what the test run finds in its guests.

const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const document = join(__dirname, '../docs/kernels.md');
const [begin, end] = ['<!-- measured -->\n\n', '\n<!-- /measured -->\n'];

/**
 * Compares columns, { '5.10': { feature: value } }, with those of the document, or writes them there. Gives
 * back failures of the shape that rings have.
 */
function checkTable(columns, { write }) {
  const text = readFileSync(document, 'utf8');
  const [before, rest] = text.split(begin);
  const [table, after] = rest.split(end);
  const known = parse(table);
  if (write) {
    writeFileSync(document, before + begin + format({ ...known, ...columns }) + end + after);
    return [];
  }
  return Object.entries(columns).flatMap(([kernel, features]) => {
    const wrong = Object.entries(features).filter(
      ([feature, value]) => known[kernel]?.[feature] !== value,
    );
    const gone = Object.keys(known[kernel] ?? {}).filter((feature) => !(feature in features));
    if (wrong.length + gone.length === 0) return [];
    const lines = [
      ...wrong.map(([feature, value]) => `${feature}: ${value}, not ${known[kernel]?.[feature]}`),
      ...gone.map((feature) => `${feature}: no such row any more`),
      `to write it: ENCAP_WRITE_DOCS=1 npm test -- kernels:${Object.keys(columns).join(',')}`,
    ];
    return [{ title: `docs/kernels.md is wrong about ${kernel}`, detail: lines.join('\n') }];
  });
}

function parse(table) {
  const [head = [], , ...rows] = table.split('\n').filter(Boolean).map(cells);
  const [, ...kernels] = head;
  return Object.fromEntries(
    kernels.map((kernel, place) => [
      kernel,
      Object.fromEntries(rows.map(([feature, ...values]) => [feature, values[place]])),
    ]),
  );
}

function cells(line) {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function format(columns) {
  const kernels = Object.keys(columns).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const features = Object.keys(columns[kernels[0]]);
  const rows = [
    ['', ...kernels],
    ...features.map((feature) => [feature, ...kernels.map((kernel) => columns[kernel][feature])]),
  ];
  const widths = rows[0].map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row) =>
    `| ${row.map((cell, at) => (cell ?? '').padEnd(widths[at])).join(' | ')} |\n`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('');
}

module.exports = { checkTable };
