import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { Service } from '../../../../src/agent/telemetry/service.js';
import { NotifySocket, whyNoManager } from '../../../support/notify-socket.js';

const silent = pino({ level: 'silent' });

function skips(t: ExecutionContext): boolean {
  const reason = whyNoManager();
  if (reason === undefined) return false;
  t.log(`skipped: ${reason}`);
  t.pass();
  return true;
}

const tells = test.macro(async (t, name: (folder: string) => string) => {
  if (skips(t)) return;
  const folder = mkdtempSync(join(tmpdir(), 'notify-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await using manager = await NotifySocket.open(name(folder));
  const service = Service.of({ NOTIFY_SOCKET: manager.name }, silent);
  if (service === undefined) return t.fail('there is a manager');
  service.ready('2 pools, 3 peers, 0 errors');
  service.status('2 pools, 3 peers, 0 errors');
  service.status('2 pools, 3 peers, 1 error');
  service.alive();
  await service[Symbol.asyncDispose]();
  await manager.until((message) => message === 'STOPPING=1');
  t.deepEqual(manager.messages, [
    'READY=1\nSTATUS=2 pools, 3 peers, 0 errors',
    'STATUS=2 pools, 3 peers, 1 error',
    'WATCHDOG=1',
    'STOPPING=1',
  ]);
});

test('a manager behind a path is told in order, a status once', tells, (folder) =>
  join(folder, 'socket'),
);
test('and so is one behind an abstract name', tells, () => `@encapd-test-${process.pid}`);

test('without a manager there is nobody to tell, and a watchdog of another process is not ours', (t) => {
  t.is(Service.of({}, silent), undefined);
  t.is(Service.of({ NOTIFY_SOCKET: '' }, silent), undefined);
  const with_ = (more: object) => Service.of({ NOTIFY_SOCKET: '/x', ...more }, silent)?.watchdogMs;
  t.is(with_({}), undefined);
  t.is(with_({ WATCHDOG_USEC: '30000000' }), 30_000);
  t.is(with_({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) }), 30_000);
  t.is(with_({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), undefined);
});

test('a manager that is gone is said once, and holds nothing up', async (t) => {
  const lines: { msg: string }[] = [];
  const log = pino(
    { level: 'warn' },
    { write: (line: string) => lines.push(JSON.parse(line) as { msg: string }) },
  );
  const service = Service.of({ NOTIFY_SOCKET: '/nowhere/socket' }, log);
  service?.alive();
  service?.alive();
  await service?.[Symbol.asyncDispose]();
  t.true(lines.length >= 1);
  t.is(lines[0]?.msg, 'service manager not told');
});
