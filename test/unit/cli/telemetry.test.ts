import test from 'ava';
import type { Said } from '../../../src/agent/telemetry/telemetry.js';
import { saidOf, type LookedAtOptions } from '../../../src/cli/telemetry.js';
import { EncapError } from '../../../src/errors.js';
import type { SocketAddress } from '../../../src/net/socket-address.js';

const usual = '127.0.0.1:9475' as SocketAddress;
const nothing: Said = {
  metrics: undefined,
  perPeer: undefined,
  health: undefined,
  logLevel: undefined,
};

const says = test.macro({
  exec(t, options: Partial<LookedAtOptions>, env: NodeJS.ProcessEnv, expected: Partial<Said>) {
    t.deepEqual(saidOf({ metricsPerPeer: true, ...options }, env), { ...nothing, ...expected });
  },
  title: (_, options: object, env: object) => `${JSON.stringify(options)} ${JSON.stringify(env)}`,
});

test(says, {}, {}, {});
test(says, {}, { ENCAP_METRICS: '', ENCAP_HEALTH: '', ENCAP_METRICS_PER_PEER: '' }, {});
test(says, { metrics: true, health: true }, {}, { metrics: usual, health: usual });
test(
  says,
  { metrics: '[::1]:1' },
  { ENCAP_METRICS: 'off' },
  { metrics: '[::1]:1' as SocketAddress },
);
test(
  says,
  { metrics: 'off' },
  { ENCAP_METRICS: usual, ENCAP_HEALTH: usual },
  { metrics: 'off', health: usual },
);
test(says, { metricsPerPeer: false }, { ENCAP_METRICS_PER_PEER: 'true' }, { perPeer: false });
test(
  says,
  {},
  { ENCAP_METRICS_PER_PEER: 'False', ENCAP_LOG_LEVEL: 'debug' },
  { perPeer: false, logLevel: 'debug' },
);

test('what is no address or no truth is wrong usage that names who said it', (t) => {
  const refused = (options: Partial<LookedAtOptions>, env: NodeJS.ProcessEnv): string => {
    const { code, message } = t.throws(() => saidOf({ metricsPerPeer: true, ...options }, env), {
      instanceOf: EncapError,
    });
    return `${code} ${message}`;
  };
  t.regex(refused({ health: '9475' }, {}), /^USAGE .*--health says: 9475 is no ADDRESS:PORT$/);
  t.regex(refused({}, { ENCAP_METRICS: 'localhost:1' }), /^USAGE .*ENCAP_METRICS says/);
  t.regex(refused({}, { ENCAP_METRICS_PER_PEER: 'maybe' }), /^USAGE .*neither true nor false$/);
});
