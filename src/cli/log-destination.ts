import { fstatSync, writeSync } from 'node:fs';

/** Bytes that wait for a slow reader; what comes on top is dropped and counted. */
const mostWaiting = 1024 * 1024;

/** How long the last lines may take, milliseconds. */
const farewellMs = 1000;

/**
 * Standard error, for lines that nobody waits for: a reader who is slow, stuck or gone, and a full disk, must not hold
 * up what the lines are about. A terminal that someone stopped (Ctrl-S) does: writing to it is not to be had otherwise.
 */
export class LogDestination {
  #dropped = 0;
  readonly #write: (line: string) => void;

  constructor() {
    const status = fstatSync(2);
    // Node.js writes to pipes and sockets without waiting, to files it does not.
    this.#write = status.isFIFO() || status.isSocket() ? toStream() : toFile;
    if (status.isFIFO() || status.isSocket()) {
      process.stderr.removeAllListeners('error'); // of a command that ends with its reader
      process.stderr.on('error', () => (this.#dropped += 1));
    }
  }

  /** Lines that were lost. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    try {
      this.#write(line);
    } catch {
      this.#dropped += 1; // ENOSPC, EIO: where should it be said?
    }
  }

  /** The process ends, whether or not somebody takes what is left. */
  end(): void {
    setTimeout(() => process.exit(), farewellMs).unref();
  }
}

function toFile(line: string): void {
  writeSync(2, line);
}

function toStream(): (line: string) => void {
  const { stderr } = process;
  return (line) => {
    if (stderr.writableLength + line.length > mostWaiting) throw new Error('nobody reads');
    stderr.write(line);
  };
}
