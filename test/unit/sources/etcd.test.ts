import test from 'ava';
import fc from 'fast-check';
import { EncapError } from '../../../src/errors.js';
import type { EtcdDatastore } from '../../../src/model/resources/datastore.js';
import { accessOf } from '../../../src/sources/etcd/access.js';
import { entryOf, placeOf } from '../../../src/sources/etcd/translate.js';
import { Unreadable } from '../../../src/sources/understood.js';

const resources = '/calico/resources/v3/projectcalico.org';

/** What is stored under a key of etcd, under which key of ours it is found, and as what. */
const stored: readonly (readonly [path: string, value: string, key: string, resource: object])[] = [
  [
    `${resources}/ippools/default-ipv4-ippool`,
    '{"kind":"IPPool","metadata":{"uid":"7","name":"another"},"spec":{"cidr":"10.0.0.0/8"}}',
    'ippools/default-ipv4-ippool',
    {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPPool',
      metadata: { uid: '7', name: 'default-ipv4-ippool' },
      spec: { cidr: '10.0.0.0/8' },
    },
  ],
  [
    `${resources}/nodes/node.a`,
    '{"metadata":null}',
    'nodes/node.a',
    { apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name: 'node.a' } },
  ],
  [
    `${resources}/felixconfigurations/node.a`,
    '{}',
    'felixconfigurations/node.a',
    {
      apiVersion: 'projectcalico.org/v3',
      kind: 'FelixConfiguration',
      metadata: { name: 'node.a' },
    },
  ],
  [
    '/calico/ipam/v2/assignment/ipv4/block/10.0.1.0-26',
    '{"cidr":"10.0.1.0/26"}',
    '10-0-1-0-26',
    {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'IPAMBlock',
      metadata: { name: '10-0-1-0-26' },
      spec: { cidr: '10.0.1.0/26' },
    },
  ],
  [
    '/calico/ipam/v2/assignment/ipv6/block/fd00:10:244::-122',
    '{"cidr":"fd00:10:244::/122"}',
    'fd00-10-244---122',
    {
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'IPAMBlock',
      metadata: { name: 'fd00-10-244---122' },
      spec: { cidr: 'fd00:10:244::/122' },
    },
  ],
];

for (const [path, value, key, resource] of stored)
  test(`${path} is a resource of Calico's API, and its place can be told`, (t) => {
    t.deepEqual(entryOf(path, Buffer.from(value)), { key, resource });
    t.deepEqual(entryOf(path, undefined), { key, resource: undefined });
    t.is(placeOf(key), `etcd:${path}`);
  });

for (const path of [
  `${resources}/networkpolicies/default/allow`,
  `${resources}/ippools/`,
  `${resources}/bgppeers/x`,
  '/calico/ipam/v2/handle/x',
  '/calico/ipam/v2/host/node-a/ipv4/block/10.0.1.0-26',
])
  test(`${path} is none of our business`, (t) => {
    t.is(entryOf(path, Buffer.from('{}')), undefined);
  });

test('whatever is stored, it is a resource or says what it should have been', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const { resource } = entryOf(`${resources}/nodes/a`, bytes) ?? {};
        const head = resource instanceof Unreadable ? resource.head : resource;
        t.like(head, { kind: 'Node', metadata: { name: 'a' } });
      },
    ),
  );
});

const none: EtcdDatastore = {
  type: 'etcdv3',
  endpoints: undefined,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  user: undefined,
  passwordFile: undefined,
};

test('what a NodeConfig leaves open, the environment says in the words of calicoctl or Felix', (t) => {
  const environment = {
    ETCD_ENDPOINTS: 'https://a:2379, https://b:2379',
    FELIX_ETCDENDPOINTS: 'https://c:2379',
    FELIX_ETCDCAFILE: '/ca',
    ETCD_CERT_FILE: '/cert',
    ETCD_KEY_FILE: '',
    FELIX_ETCDKEYFILE: '/key',
    ETCD_USERNAME: 'u',
    ETCD_PASSWORD: 'p',
  };
  t.deepEqual(accessOf(none, environment), {
    endpoints: ['https://a:2379', 'https://b:2379'],
    caFile: '/ca',
    certFile: '/cert',
    keyFile: '/key',
    user: 'u',
    passwordFile: undefined,
    password: 'p',
  });
  const said = { ...none, endpoints: ['http://d:1'], caFile: '/own', passwordFile: '/p' };
  t.like(accessOf(said, environment), {
    endpoints: ['http://d:1'],
    caFile: '/own',
    passwordFile: '/p',
    password: undefined,
  });
});

for (const [title, environment, words] of [
  ['no endpoint', {}, /nobody says where it is/],
  ['an endpoint without a scheme', { ETCD_ENDPOINTS: 'http://a:1,b:1' }, /"b:1" is no endpoint/],
] as const)
  test(`${title} is for the user to correct`, (t) => {
    const failure = t.throws(() => accessOf(none, environment), { instanceOf: EncapError });
    t.is(failure.code, 'CONFIG_INVALID');
    t.regex(failure.message, words);
  });
