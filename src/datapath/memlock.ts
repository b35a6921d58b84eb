import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = '/proc/self/fdinfo';

/** Kernel memory, in bytes, of the maps or the programs that this process has open, by their id. */
export function memlockOf(kind: 'map' | 'prog'): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const descriptor of readdirSync(folder)) {
    const text = textOf(join(folder, descriptor));
    const [id, bytes] = [numberIn(text, `${kind}_id`), numberIn(text, 'memlock')];
    if (id !== undefined && bytes !== undefined) found.set(id, bytes);
  }
  return found;
}

/** Empty for a descriptor that is closed by now: that of the folder itself. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw cause;
  }
}

function numberIn(text: string, name: string): number | undefined {
  const digits = new RegExp(`^${name}:\\s+(\\d+)$`, 'm').exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
