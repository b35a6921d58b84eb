import test, { type ExecutionContext } from 'ava';
import { encap, type Ended } from '../cli/encap.js';
import type { Manifest } from './store.js';

/** A datastore with examples/crosssubnet in it, as a command is told of it. */
export interface Told {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The place of a resource, as problems tell it. */
  readonly place: RegExp;
  readonly put: (manifest: Manifest) => Promise<void>;
  readonly remove: (manifest: Manifest) => Promise<void>;
}

const node = ['--node', 'node-a'];

/** Commands that read once, and what of their answers does not depend on the datastore. */
const commands: readonly (readonly string[])[] = [
  ['get', 'pools'],
  ['get', 'nodes', '-o', 'wide'],
  ['get', 'blocks', '-o', 'wide'],
  ['get', 'config', ...node],
  ['plan', ...node, '--underlay-mtu', '1500'],
  ['explain', ...node, '10.244.3.9', '10.244.2.9', '10.244.1.9'],
];

const misspelt: Manifest = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name: 'misspelt' },
  spec: { cidr: '10.99.0.0/16', vxlanMode: 'Crosssubnet' },
};

/** One reading of a datastore is worth as much as the files that it was made from. */
export function readsOnce(
  name: string,
  told: (t: ExecutionContext) => Promise<Told | undefined>,
): void {
  const of = (title: string, body: (t: ExecutionContext, store: Told) => Promise<void>): void =>
    test.serial(`${name}: ${title}`, async (t) => {
      const store = await told(t);
      if (store === undefined) {
        t.pass();
        return;
      }
      await body(t, store);
    });
  const ask = ({ words, env }: Told, command: readonly string[]): Promise<Ended> =>
    encap([...command, ...words], { env });

  of('get, plan and explain answer as they do of the files', async (t, store) => {
    for (const command of commands) {
      const [ours, theirs] = [
        await ask(store, command),
        await encap([...command, '-f', 'examples/crosssubnet']),
      ];
      t.is(ours.stdout, theirs.stdout, command.join(' '));
      t.is(ours.stderr, '');
      t.is(ours.code, 0);
      t.true(theirs.stdout.length > 100);
    }
  });

  of(
    'validate names the resource and the member, where the datastore has them',
    async (t, store) => {
      const good = await ask(store, ['validate', '-v']);
      t.is(good.code, 0, good.stdout);
      t.regex(good.stdout, /^8 resources in the datastore: valid$/m);
      await store.put(misspelt);
      const { stdout, code } = await ask(store, ['validate']);
      await store.remove(misspelt);
      t.regex(stdout, store.place);
      t.regex(stdout, /spec\.vxlanMode: "Crosssubnet" is not a mode; did you mean CrossSubnet\?/);
      t.is(code, 3);
    },
  );

  of('config show --origin names the resource', async (t, store) => {
    const { stdout, code } = await ask(store, ['config', 'show', '--origin', ...node]);
    t.is(code, 0);
    t.regex(
      stdout,
      /^vxlanPort +4789 +\S+felixconfigurations\/default \(FelixConfiguration default\)$/m,
    );
    t.regex(stdout, /^node.addressV4 +192\.168\.10\.11\/24 +\S+nodes\/node-a \(.*Node node-a\)$/m);
  });

  of('files and the datastore at once are wrong usage', async (t, store) => {
    const { stderr, code } = await ask(store, ['get', 'pools', '-f', 'examples/crosssubnet']);
    t.regex(stderr, /cannot follow files and \w+ at once/);
    t.is(code, 2);
  });
}

/** A datastore that keeps silent, and one that is not there. */
export function isNotReached(
  name: string,
  told: (t: ExecutionContext, how: 'silent' | 'gone') => Promise<Told | undefined>,
): void {
  for (const [how, said] of [
    ['silent', /gave no whole answer within 2 s\ndo: {2}.*--timeout/],
    ['gone', /does not answer.*ECONNREFUSED/],
  ] as const)
    test.serial(
      `${name} that is ${how} ends a command that reads once with 6, in time`,
      async (t) => {
        const store = await told(t, how);
        if (store === undefined) {
          t.pass();
          return;
        }
        const began = performance.now();
        const words = ['get', 'pools', '--timeout', '2', ...store.words];
        const { stdout, stderr, code } = await encap(words, { env: store.env });
        t.is(code, 6, stderr);
        t.regex(stderr, /^encap: cannot read the resources: /);
        t.regex(stderr, said);
        t.is(stdout, '');
        t.true(performance.now() - began < 8000);
      },
    );
}
