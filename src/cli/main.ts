#!/usr/bin/env node
import type { Writable } from 'node:stream';
import { main } from './program.js';

void main(process.argv.slice(2), process.env).then(end);

/** What was printed is taken; then nothing is waited for: Node would let V8 end what it compiles in the background. */
async function end(): Promise<void> {
  await Promise.all([taken(process.stdout), taken(process.stderr)]);
  process.exit();
}

/** Streams take one thing after the other: the last, which is nothing, when all before it is written or lost. */
function taken(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
