import { unlinkSync } from 'node:fs';
import type { NativeHandle } from './native.js';

/** A handle's name in a BPF file system, which keeps the kernel object alive without us. */
export class Pin {
  readonly #name: string;
  #path: string | undefined;

  constructor(name: string, path?: string) {
    this.#name = name;
    this.#path = path;
  }

  get path(): string | undefined {
    return this.#path;
  }

  put(handle: NativeHandle, path: string): void {
    handle.pin(path);
    this.#path = path;
  }

  remove(): void {
    if (this.#path === undefined) throw new Error(`${this.#name} is not pinned`);
    unlinkSync(this.#path);
    this.#path = undefined;
  }
}
