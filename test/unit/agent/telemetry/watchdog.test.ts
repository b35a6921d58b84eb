import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { pino } from 'pino';
import { stuckMs } from '../../../../src/agent/telemetry/health.js';
import { Telemetry } from '../../../../src/agent/telemetry/telemetry.js';
import { Vitals } from '../../../../src/agent/vitals.js';
import { NotifySocket, whyNoManager } from '../../../support/notify-socket.js';

test('the watchdog is fed while rounds begin when they are due, and starves when one does not', async (t) => {
  const reason = whyNoManager();
  if (reason !== undefined) {
    t.log(`skipped: ${reason}`);
    t.pass();
    return;
  }
  await using manager = await NotifySocket.open(`@encapd-watchdog-${process.pid}`);
  const fed = (): number => manager.messages.filter((message) => message === 'WATCHDOG=1').length;
  let dueMs = 0;
  await using _telemetry = await Telemetry.open(
    {
      said: { metrics: 'off', perPeer: undefined, health: 'off', logLevel: 'silent' },
      configured: undefined,
      version: '0',
      environment: { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: '300000' },
      droppedLines: () => 0,
    },
    {
      vitals: new Vitals(),
      isIntact: () => true,
      attach: 'tcx',
      hashedBlocks: () => 0,
      log: pino({ level: 'silent' }),
      dueMs: () => dueMs,
      reload: () => undefined,
    },
  );
  await manager.until((message) => message === 'WATCHDOG=1');
  dueMs = stuckMs + 1;
  await sleep(500); // what was on its way
  const before = fed();
  await sleep(1500); // five times what the manager waits for
  t.is(fed(), before);
  dueMs = 0;
  const end = performance.now() + 10_000;
  while (fed() === before && performance.now() < end) await sleep(20);
  t.true(fed() > before);
});
