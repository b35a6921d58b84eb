import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { skipsFor } from '../support/needs.js';
import { within } from '../support/slowness.js';
import { main, root } from './encap.js';
import { plainCommands, timesOf } from './times/commands.js';
import { packagedCommand } from './times/package.js';

/** Tests share the machine with each other: at best, a command takes no longer than so many times its goal. */
const patience = 5;

function isThereAtOnce(t: ExecutionContext, encap: string): void {
  for (const { command, fastest } of timesOf(plainCommands(encap), 5)) {
    t.log(`${command.name}: ${Math.round(fastest)} ms`);
    if (command.goalMs !== undefined)
      t.true(fastest < within(command.goalMs * patience), command.name);
  }
}

test.serial('encap --help and encap explain are there at once', (t) => {
  t.timeout(within(120_000));
  isThereAtOnce(t, main);
});

test.serial('in a package too', async (t) => {
  t.timeout(within(120_000));
  const needed = ['addon/build/Release/libbpf_ts.node', 'dist/prebuilt/manifest.json'];
  const missing = needed.find((name) => !existsSync(join(root, name)));
  if (skipsFor(t, missing === undefined ? undefined : `${missing} is not built here`)) return;
  const folder = mkdtempSync(join(tmpdir(), 'encap-times-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  isThereAtOnce(t, await packagedCommand(join(folder, 'tree')));
});
