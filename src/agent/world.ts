import type { Logger } from 'pino';
import { EncapError } from '../errors.js';
import { Decider, type Redecision } from '../decide/decider.js';
import { tunnelEndsOf } from '../decide/tunnel-ends.js';
import type { Warning } from '../decide/warning.js';
import type { Block } from '../model/block.js';
import type { Fault } from '../model/fault.js';
import type { Inventory } from '../model/inventory.js';
import type { NodeName } from '../model/node.js';
import type { Settings } from '../model/settings.js';
import type { TunnelEnds } from '../model/tunnel-ends.js';
import type { Cidr } from '../net/cidr.js';
import type { Reading } from '../sources/source.js';

/** What this node's kernel should be in, and the settings behind it. */
export interface Decided extends Pick<Redecision, 'desired' | 'trace' | 'touched'> {
  readonly settings: Settings;
  /** What it takes to make Calico's own tunnel devices again; undefined: they are not replaced. */
  readonly tunnelEnds: TunnelEnds | undefined;
}

/** The newest whole world that a source has given; what can't be read as a whole changes nothing. */
export class World {
  #inventory: Inventory | undefined;
  /** Blocks that are not as they were when it was decided last; undefined: anything may be different. */
  #changed: Map<Cidr, Block | undefined> | undefined;
  readonly #decider: Decider;
  readonly #node: NodeName;
  readonly #log: Logger;
  #tunnelEnds: TunnelEnds | undefined;
  #faults: readonly Fault[] = [];
  #said = new Set<string>();

  constructor(node: NodeName, log: Logger) {
    this.#node = node;
    this.#log = log;
    this.#decider = new Decider(node);
  }

  /** Only blocks changed since it was decided last. */
  get isSmallChange(): boolean {
    return this.#changed !== undefined && this.#changed.size > 0;
  }

  /** What keeps the source from following the world just now. */
  get faults(): readonly Fault[] {
    return this.#faults;
  }

  /** Takes a reading over where it is a whole world. */
  take(reading: Reading): boolean {
    this.#complain(reading);
    this.#faults = reading.faults ?? [];
    if (reading.inventory === undefined) return false;
    this.#inventory = reading.inventory;
    if (reading.changed === undefined) this.#changed = undefined;
    for (const [cidr, block] of reading.changed ?? []) this.#changed?.set(cidr, block);
    return true;
  }

  /** The next decision is made from scratch. */
  forget(): void {
    this.#changed = undefined;
  }

  /** What this node's kernel should be in; undefined before the first whole world. */
  decide(): Decided | undefined {
    const inventory = this.#inventory;
    if (inventory === undefined) return undefined;
    const changed = this.#changed;
    this.#changed = undefined;
    const { desired, trace, warnings, touched } = this.#decider.decide(inventory, changed);
    if (!inventory.nodes.has(this.#node)) throw unknown(this.#node, inventory);
    this.warn(warnings);
    this.#changed = new Map();
    const { settings } = inventory;
    if (settings.kernelTunnels !== 'replace') this.#tunnelEnds = undefined;
    else if (touched === undefined) this.#tunnelEnds = tunnelEndsOf(inventory, this.#node);
    return { desired, trace, touched, settings, tunnelEnds: this.#tunnelEnds };
  }

  /** Logs what is odd, each thing once. */
  warn(warnings: readonly Warning[]): void {
    for (const { subject, message } of warnings) {
      const warning = `${subject}: ${message}`;
      this.#once(warning, () => this.#log.warn({ warning }, 'decided with a warning'));
    }
    this.#said = new Set([...this.#said].slice(-1000));
  }

  #complain({ inventory, problems }: Reading): void {
    const errors = problems.filter(({ severity }) => severity === 'error');
    for (const { severity, file, line, path, message: problem } of problems)
      this.#once(`${file}:${String(line)} ${path} ${problem}`, () => {
        if (severity === 'error')
          this.#log.error({ file, line, path, problem }, 'resource refused');
        else this.#log.warn({ file, line, path, problem }, 'resource with a warning');
      });
    // A source that has nothing to say of resources has a fault of its own.
    if (inventory === undefined && problems.length > 0)
      this.#log.error({ errors: errors.length }, 'source unreadable: the last good state stays');
  }

  #once(what: string, say: () => void): void {
    if (this.#said.has(what)) return;
    this.#said.add(what);
    say();
  }
}

function unknown(node: NodeName, { nodes }: Inventory): EncapError {
  return new EncapError(`cannot run as node ${node}: no Node has this name`, {
    code: 'NODE_UNKNOWN',
    why: `nodes: ${[...nodes.keys()].join(', ') || 'none'}`,
    hint: 'give the name of one of them with --node',
  });
}
