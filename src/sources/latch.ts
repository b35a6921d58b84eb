/** Remembers that something happened until someone has looked. */
export class Latch {
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
