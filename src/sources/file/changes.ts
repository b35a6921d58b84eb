import { basename, join, resolve } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { watch } from 'chokidar';
import { Latch } from '../latch.js';

/** A file that is being written changes again and again: it is read when it has been quiet for so long. */
const quietMs = 150;
/** Someone who writes without a pause is read all the same. */
const patienceMs = 3000;

/** Where nothing is told of a change, it is looked for so often. */
const againMs = 1000;

/** That something happened to files or folders, and what their folders said of it. */
export interface Burst {
  /** Whether a file came to its place in one piece: its folder told of its name, and not of anything written to it. */
  cameWhole(file: string): boolean;
  /** Whether something was written to a file where it is. */
  wasWritten(file: string): boolean;
  /** Waits until all has been told that the kernel had to tell a moment ago. */
  heard(): Promise<void>;
  /** Waits until nothing has happened for a while. */
  quiet(): Promise<void>;
  /** The next one comes in a while, whatever happens: what can't be read now may be later, and nothing tells of that. */
  again(): void;
}

/** Yields at once, then whenever something happened to files or folders, until the signal fires. */
export async function* changes(
  paths: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Burst> {
  const latch = new Latch();
  // Links are followed: a mounted ConfigMap is replaced by turning one link (`..data`) to a new folder.
  await using watcher = closing(watch([...paths], { ignoreInitial: true, atomic: 50, depth: 16 }));
  const ready = new Promise<void>((resolve) => watcher.on('ready', resolve));
  watcher.on('all', () => latch.open());
  // What can't be watched can still be read: the reading says what is wrong, or is made again and again.
  const blind = new Latch();
  watcher.on('error', () => {
    blind.open();
    latch.open();
  });
  let events = new Map<string, FolderEvents>();
  // What the kernel says, at once: `all` comes when the watcher has looked at the files itself.
  watcher.on('raw', (event, name, details) => {
    const { watchedPath } = details as { readonly watchedPath?: string };
    // The kernel need not name the file.
    if (typeof name === 'string' && isHidden(name)) return;
    if (typeof name === 'string' && watchedPath !== undefined)
      note(events, event, join(watchedPath, name), watchedPath);
    latch.open();
  });
  const abort = (): void => latch.open();
  signal.addEventListener('abort', abort);
  try {
    // First the watch, then the look: nothing is missed between the two.
    await Promise.race([ready, latch.opened()]);
    while (!signal.aborted) {
      latch.shut();
      const told = events;
      events = new Map();
      const again = new Latch();
      yield {
        cameWhole: (file) => {
          const said = [told.get(resolve(file)), events.get(resolve(file))];
          return said.includes('named') && !said.includes('written');
        },
        wasWritten: (file) =>
          [told.get(resolve(file)), events.get(resolve(file))].includes('written'),
        heard,
        quiet: async () => {
          // The end has opened the latch, for good.
          if (!signal.aborted) await quiet(latch, signal);
        },
        again: () => again.open(),
      };
      const timer =
        blind.isOpen || again.isOpen
          ? globalThis.setTimeout(() => latch.open(), againMs)
          : undefined;
      await latch.opened();
      clearTimeout(timer);
      await heard();
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** What a folder told of a file: its name came, went or came again; or (also) something was written to it. */
type FolderEvents = 'named' | 'written';

function note(
  events: Map<string, FolderEvents>,
  event: string,
  path: string,
  watched: string,
): void {
  // A watch of the file itself tells of what was there under that name when it was set up.
  if (basename(watched) === basename(path)) return;
  const file = resolve(path);
  if (event !== 'rename') events.set(file, 'written');
  else if (!events.has(file)) events.set(file, 'named');
}

/** Drafts of editors and the like; but not the link that turns a ConfigMap. */
function isHidden(name: string): boolean {
  return name.startsWith('.') && !name.startsWith('..');
}

/** One turn of the loop takes in what there is; the one that is running may be past that. */
async function heard(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

async function quiet(latch: Latch, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceMs;
  do {
    latch.shut();
    await setTimeout(quietMs, undefined, { signal }).catch(() => undefined);
  } while (latch.isOpen && !signal.aborted && performance.now() < deadline);
}

type Watcher = ReturnType<typeof watch>;

function closing(watcher: Watcher): Watcher & AsyncDisposable {
  return Object.assign(watcher, { [Symbol.asyncDispose]: () => watcher.close() });
}
