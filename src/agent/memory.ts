import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 keep its heap close to what is alive. An agent reads much once and little after that: room for speed that it
 * never gives back would be most of its memory. Young objects get 1 MB, and starts take longer (docs/performance.md).
 */
export function spareMemory(): void {
  for (const flag of ['--semi-space-growth-factor=1', '--optimize-for-size'])
    setFlagsFromString(flag);
}
