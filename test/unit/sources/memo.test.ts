import { mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Memo } from '../../../src/sources/file/memo.js';
import { isTooFresh, stampOf } from '../../../src/sources/file/stamp.js';

const blockText = (cidr: string, node: string): string =>
  JSON.stringify({
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'IPAMBlock',
    metadata: { name: cidr.replaceAll(/[./]/g, '-') },
    spec: { cidr, affinity: `host:${node}`, allocations: [], attributes: [], unallocated: [] },
  });

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cal-memo-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Files whose stamps can be trusted. */
async function settled(): Promise<void> {
  await setTimeout(40);
}

test('a file that stays the same is read once, another one beside it is read again', async (t) => {
  const folder = folderOf(t);
  const [a, b] = [join(folder, 'a.json'), join(folder, 'b.json')];
  writeFileSync(a, blockText('10.1.0.0/26', 'a'));
  writeFileSync(b, blockText('10.1.1.0/26', 'a'));
  await settled();
  const memo = new Memo();
  const first = await memo.read(await memo.list([folder], false));
  writeFileSync(b, blockText('10.1.1.0/26', 'b'));
  const listing = await memo.list([folder], false);
  t.deepEqual([...listing.news.keys()], [b]);
  const second = await memo.read(listing);
  t.is(second.get(a), first.get(a));
  t.not(second.get(b), first.get(b));
  t.deepEqual([...second.keys()], [a, b]);
});

test('a write that keeps size and time of the content is seen: the time of the inode tells', async (t) => {
  const file = join(folderOf(t), 'a.json');
  writeFileSync(file, blockText('10.1.0.0/26', 'a'));
  const { atime, mtime } = statSync(file);
  await settled();
  const memo = new Memo();
  await memo.read(await memo.list([file], false));
  writeFileSync(file, blockText('10.1.0.0/26', 'b'));
  utimesSync(file, atime, mtime);
  t.is((await memo.list([file], false)).news.size, 1);
});

test('a file that was read just after it was written is read once more', async (t) => {
  const file = join(folderOf(t), 'a.json');
  writeFileSync(file, blockText('10.1.0.0/26', 'a'));
  const memo = new Memo();
  await memo.read(await memo.list([file], false));
  const stamp = stampOf(statSync(file, { bigint: true }));
  const writtenMs = Number(stamp.mtime / 1_000_000n);
  t.true(isTooFresh(stamp, writtenMs + 5));
  t.false(isTooFresh(stamp, writtenMs + 500));
  await settled();
  await memo.read(await memo.list([file], false));
  t.is((await memo.list([file], false)).news.size, 0);
});

test('a file that went is forgotten, one that was renamed is another one', async (t) => {
  const folder = folderOf(t);
  const [a, b] = [join(folder, 'a.json'), join(folder, 'b.json')];
  writeFileSync(a, blockText('10.1.0.0/26', 'a'));
  await settled();
  const memo = new Memo();
  await memo.read(await memo.list([folder], false));
  renameSync(a, b);
  const listing = await memo.list([folder], false);
  t.deepEqual(listing.gone, [a]);
  t.deepEqual([...listing.news.keys()], [b]);
  t.deepEqual([...(await memo.read(listing)).keys()], [b]);
});

test('a place in a file is read again when it is asked for, and is its first line once the file changed', async (t) => {
  const file = join(folderOf(t), 'a.yaml');
  writeFileSync(file, `# a block\n${blockText('10.1.0.0/26', 'a')}\n`);
  await settled();
  const read = async () => {
    const memo = new Memo();
    const editions = await memo.read(await memo.list([file], false));
    return editions.get(file)?.all[0];
  };
  const [early, late] = [await read(), await read()];
  t.is(early?.document.spot(['spec', 'cidr']).line, 2);
  writeFileSync(file, '# nothing\n');
  t.is(late?.document.spot(['spec', 'cidr']).line, 1);
  t.is(early?.document.spot(['spec', 'affinity']).line, 2);
});
