/** What users of calicoctl type, and the words here that answer it; in no help and no completion. */
const aliases: Readonly<Record<string, (nowMs: number) => readonly string[]>> = {
  ipp: () => ['get', 'pools'],
  pool: () => ['get', 'pools'],
  'ipam show': () => ['get', 'blocks'],
  'node status': () => ['status'],
  'node checksystem': () => ['doctor'],
  'node diags': (nowMs) => ['doctor', '--bundle', `encap-diags-${stampOf(nowMs)}.tgz`],
};

/** Global options with a value of their own word. */
const valued: ReadonlySet<string | undefined> = new Set(['-o', '--output', '--color']);

/** Pure: the same words, with those of calicoctl in ours. */
export function inOurWords(argv: readonly string[], nowMs: number): readonly string[] {
  const verb = argv.findIndex(
    (word, place) => !word.startsWith('-') && !valued.has(argv[place - 1]),
  );
  for (const count of [2, 1]) {
    const alias = aliases[argv.slice(verb, verb + count).join(' ')];
    if (verb >= 0 && alias !== undefined)
      return [...argv.slice(0, verb), ...alias(nowMs), ...argv.slice(verb + count)];
  }
  return argv;
}

/** 20261129T031500Z */
function stampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
}
