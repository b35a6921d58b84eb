import { readFileSync } from 'node:fs';
import test from 'ava';
import { failureDocument, failureOf, failureText, nextSteps } from '../../../src/cli/failure.js';
import { paintFor } from '../../../src/cli/paint.js';
import {
  catalogue,
  EncapError,
  type ErrorCode,
  type EncapErrorOptions,
} from '../../../src/errors.js';

const plain = paintFor({}, {}, 'never');
const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const codes = Object.keys(catalogue) as ErrorCode[];

test('docs/errors.md has a section for each code of the catalogue, in its order, and no other', (t) => {
  const sections = [...page.matchAll(/^## (\w+)$/gm)].map(([, code]) => code);
  t.deepEqual(sections, codes);
});

for (const code of codes) {
  test(`docs/errors.md says of ${code} its exit code and what happened, why, and what to do`, (t) => {
    const section = page.split(/^## /m).find((part) => part.startsWith(`${code}\n`)) ?? '';
    const [, happened = '', why = '', todo = '', ...more] = section.trim().split('\n\n');
    const sentences = '\\S[^]{11,}\\.$';
    t.regex(happened, new RegExp(`^Exit code ${catalogue[code]}\\. ${sentences}`));
    t.regex(why, new RegExp(`^Why: ${sentences}`));
    t.regex(todo, new RegExp(`^Do: ${sentences}`));
    t.deepEqual(more, []);
  });

  test(`${code} has a next step even where the error itself names none`, (t) => {
    const text = failureText(failureOf(new EncapError('cannot do it: because', { code })), plain);
    t.regex(text, /^encap: cannot do it: because\n(?:why: .+\n)?do: {2}.{10,}\n$/);
    t.true(nextSteps[code].length > 10);
  });
}

const becomes = test.macro({
  exec(t, error: unknown, code: ErrorCode, text: RegExp) {
    const failure = failureOf(error);
    t.is(failure.code, code);
    t.regex(failureText(failure, plain), text);
  },
  title: (sentence = '') => sentence,
});

function kernelError(fields: { code: string; hint?: string; verifierLog?: string }): Error {
  const message = `cannot load encapd_egress: ${fields.code}`;
  return Object.assign(new Error(message), {
    operation: 'load',
    object: 'encapd_egress',
    errno: 1,
    ...fields,
  });
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: open '/x'`), {
    code,
    syscall: 'open',
    path: '/x',
    errno: -1,
  });
}

test(
  'a kernel that refuses with EPERM is a missing permission',
  becomes,
  kernelError({ code: 'EPERM' }),
  'PERMISSION',
  /why: this process is /,
);
test(
  'a refused program is the verifier’s doing, and its log is shown',
  becomes,
  kernelError({ code: 'EACCES', verifierLog: 'R1 invalid mem access' }),
  'VERIFIER_REJECTED',
  /R1 invalid mem access/,
);
test(
  'EOPNOTSUPP is a missing feature',
  becomes,
  kernelError({ code: 'EOPNOTSUPP', hint: 'needs 6.6' }),
  'FEATURE_MISSING',
  /do: {2}needs 6\.6/,
);
test(
  'E2BIG of a map is a full table',
  becomes,
  kernelError({ code: 'E2BIG' }),
  'TABLE_FULL',
  /do: {2}fewer pools/,
);
test(
  'an errno without better explanation is a refusal',
  becomes,
  kernelError({ code: 'EINVAL' }),
  'KERNEL_REFUSED',
  /EINVAL/,
);
test(
  'a file that is not there is unreadable',
  becomes,
  systemError('ENOENT'),
  'FILE_UNREADABLE',
  /^encap: cannot open \/x: ENOENT$/m,
);
test(
  'a file that may not be read is a missing permission',
  becomes,
  systemError('EACCES'),
  'PERMISSION',
  /cannot open \/x: EACCES/,
);
test(
  'a TypeError is a bug, and its stack is shown',
  becomes,
  new TypeError('x is not a function'),
  'UNEXPECTED',
  /TypeError: x is not a function\n(?:.*\n)+ {4}at /,
);
test(
  'whatever else is thrown is a bug too',
  becomes,
  'text',
  'UNEXPECTED',
  /cannot go on: Error: text/,
);

const places = test.macro({
  exec(t, options: Pick<EncapErrorOptions, 'place' | 'why' | 'hint'>, document: object) {
    const error = new EncapError('cannot x: y', { code: 'CONFIG_INVALID', ...options });
    t.like(JSON.parse(JSON.stringify(failureDocument(failureOf(error)))), {
      error: { code: 'CONFIG_INVALID', message: 'cannot x: y', ...document },
    });
  },
  title: (sentence = '') => sentence,
});

test(
  'the JSON of an error has file, line and hint',
  places,
  { place: { file: 'a.yaml', line: 7, column: 3 }, hint: 'h' },
  { file: 'a.yaml', line: 7, column: 3, hint: 'h' },
);
test(
  'the JSON of an error without a hint of its own has the general one',
  places,
  {},
  { hint: nextSteps.CONFIG_INVALID },
);
