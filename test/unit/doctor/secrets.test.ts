import test from 'ava';
import { withoutSecrets } from '../../../src/doctor/secrets.js';

const secret = 'hunter2/A+b';

const hides = test.macro({
  exec(t, text: string) {
    t.true(text.includes(secret));
    t.false(withoutSecrets(text).includes(secret), withoutSecrets(text));
  },
  title: (sentence = '') => `${sentence} is left out`,
});

test('a password in JSON', hides, `{"password": "${secret}"}`);
test('a password in YAML', hides, `passwordFile: x\npassword: ${secret}\n`);
test('a variable', hides, `ETCD_PASSWORD=${secret} encap run`);
test('a token of an option', hides, `--token=${secret}`);
test('a header', hides, `Authorization: Bearer ${secret}`);
test('user and password of a URL', hides, `https://root:hunter2%2FA@etcd:2379 password=${secret}`);
test(
  'a key in PEM',
  hides,
  `-----BEGIN EC PRIVATE KEY-----\n${secret}\n-----END EC PRIVATE KEY-----`,
);
test('a key that is cut', hides, `-----BEGIN PRIVATE KEY-----\n${secret}\n`);

test('JSON stays JSON', (t) => {
  const text = withoutSecrets(
    JSON.stringify({ password: secret, vni: 4096, note: 'a "quoted" word' }),
  );
  t.deepEqual(JSON.parse(text), { password: '[left out]', vni: 4096, note: 'a "quoted" word' });
});

test('what is none stays', (t) => {
  const text = '192.168.10.11 dev eth0 lladdr 02:fe:fe:fe:fe:fe, https://etcd:2379, 4096\n';
  t.is(withoutSecrets(text), text);
});
