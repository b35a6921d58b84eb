import { pino } from 'pino';
import { down } from '../../../src/agent/down.js';
import { runAgent } from '../../../src/agent/run.js';
import type { AttachKind } from '../../../src/datapath/attach.js';
import { foldersOf } from '../../../src/datapath/folders.js';
import { EncapError } from '../../../src/errors.js';
import type { NodeName } from '../../../src/model/node.js';
import { fileSource } from '../../../src/sources/file/watch.js';

// An agent as a process of its own: node agent.js run|once|dry-run|down FILE NODE ATTACH DELAY_MS
const [verb = '', file = '', node = '', attach = 'auto', delay = '2000'] = process.argv.slice(2);
const folders = foldersOf(process.env);
const ended = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ended.abort());

try {
  const changes =
    verb === 'down' || verb === 'down-dry-run'
      ? await down({ folders, dryRun: verb === 'down-dry-run' })
      : await runAgent({
          source: fileSource({ paths: [file] }),
          node: node as NodeName,
          interface: undefined,
          attach: attach as AttachKind | 'auto',
          once: verb === 'once',
          dryRun: verb === 'dry-run',
          folders,
          log: pino({ level: 'debug' }, pino.destination({ dest: 2, sync: true })),
          signal: ended.signal,
          timing: { delay: Number(delay) },
        });
  if (verb !== 'run') process.stdout.write(`${JSON.stringify(changes)}\n`);
} catch (failure) {
  if (!(failure instanceof EncapError)) throw failure;
  const { code, message, why, hint } = failure;
  process.stdout.write(`${JSON.stringify({ code, message, why, hint })}\n`);
  process.exitCode = 1;
}
