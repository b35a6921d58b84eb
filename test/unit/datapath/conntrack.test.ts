import test from 'ava';
import { jiffiesPerSecond } from '../../../src/datapath/conntrack.js';
import { EncapError } from '../../../src/errors.js';

test('where a container hides the timers, the fast path is what is missing', (t) => {
  t.throws(() => jiffiesPerSecond('/dev/null'), {
    instanceOf: EncapError,
    code: 'FEATURE_MISSING',
    message: /^cannot use the fast path: \/dev\/null does not say how time goes$/,
  });
});
