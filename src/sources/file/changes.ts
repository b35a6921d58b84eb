import { setTimeout } from 'node:timers/promises';
import { watch } from 'chokidar';

/** A file that is being written changes again and again: it is read when it has been quiet for so long. */
const quietMs = 150;
/** Someone who writes without a pause is read all the same. */
const patienceMs = 3000;

/** Yields at once, then after each burst of changes to files or folders, until the signal fires. */
export async function* changes(
  paths: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<void> {
  const latch = new Latch();
  // Links are followed: a mounted ConfigMap is replaced by turning one link (`..data`) to a new folder.
  await using watcher = closing(watch([...paths], { ignoreInitial: true, atomic: 50, depth: 16 }));
  const ready = new Promise<void>((resolve) => watcher.on('ready', resolve));
  watcher.on('all', () => latch.open());
  // A folder that can't be watched can still be read; the reading says what is wrong with it.
  watcher.on('error', () => latch.open());
  const abort = (): void => latch.open();
  signal.addEventListener('abort', abort);
  try {
    // First the watch, then the look: nothing is missed between the two.
    await Promise.race([ready, latch.opened()]);
    latch.shut();
    while (!signal.aborted) {
      yield;
      await latch.opened();
      await quiet(latch, signal);
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function quiet(latch: Latch, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceMs;
  do {
    latch.shut();
    await setTimeout(quietMs, undefined, { signal }).catch(() => undefined);
  } while (latch.isOpen && !signal.aborted && performance.now() < deadline);
}

/** Remembers that something happened until someone has looked. */
class Latch {
  isOpen = false;
  #wake: (() => void) | undefined;

  open(): void {
    this.isOpen = true;
    this.#wake?.();
  }

  shut(): void {
    this.isOpen = false;
  }

  async opened(): Promise<void> {
    if (this.isOpen) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

type Watcher = ReturnType<typeof watch>;

function closing(watcher: Watcher): Watcher & AsyncDisposable {
  return Object.assign(watcher, { [Symbol.asyncDispose]: () => watcher.close() });
}
