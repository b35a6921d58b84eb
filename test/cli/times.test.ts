import test from 'ava';
import { within } from '../support/slowness.js';
import { plainCommands, timesOf } from './times/commands.js';

/** Tests share the machine with each other: at best, a command takes no longer than so many times its goal. */
const patience = 5;

test('encap --help and encap explain are there at once', (t) => {
  t.timeout(within(120_000));
  for (const { command, fastest } of timesOf(plainCommands(), 5)) {
    t.log(`${command.name}: ${Math.round(fastest)} ms`);
    if (command.goalMs !== undefined)
      t.true(fastest < within(command.goalMs * patience), command.name);
  }
});
