import { Option, type Command } from 'commander';
import { createInterface } from 'node:readline';
import { EncapError } from '../errors.js';
import type { NodeName } from '../model/node.js';
import { readMac, type Mac } from '../net/mac.js';
import { examplesOf } from './examples.js';
import { takesNode, takesResources, takesTimeout } from './inputs.js';
import { render } from './output.js';
import { directions, type Direction } from './packet-direction.js';
import type { Packet } from './packet-line.js';
import type { Run } from './packet-run.js';
import { note, type Session, sessionOf } from './session.js';
import { mtuFrom, usualMtu } from './underlay-mtu.js';
import { type OnceOptions, readWorld } from './world.js';

interface RunOptions extends OnceOptions {
  readonly direction: Direction;
  readonly fromWorkload?: boolean;
  readonly mark?: boolean;
  readonly raw?: boolean;
  readonly mac?: Mac;
  readonly underlayMtu?: number;
}

/** `encap packet`: the programs of a node on packets that no interface sees. */
export function define(command: Command): void {
  command.helpCommand(false);
  examplesOf(command, [
    ['sudo encap packet run -f cluster.d --node node-a 0200…', 'what becomes of this frame?'],
  ]);
  run(command);
}

function run(parent: Command): void {
  const summary = "run a node's programs on a packet; nothing is attached, nothing stays";
  const command = parent
    .command('run')
    .summary(summary)
    .description(summary)
    .argument('<hex>', 'an Ethernet frame in hexadecimal digits, or - for lines of JSON')
    .addOption(
      new Option('--direction <which>', 'where the packet is met; workload: as one sends it')
        .choices(directions)
        .default('ingress'),
    )
    .option('--from-workload', 'egress: it came in at the interface of a workload')
    .option('--mark', 'it carries the mark of packets that the programs sent on')
    .option('--raw', 'egress: keep the destination MAC, whatever route the packet would take')
    .option(
      '--mac <mac>',
      "of the node's uplink (default: whatever machine a frame is for)",
      macFrom,
    )
    .option(
      '--underlay-mtu <bytes>',
      "of the node's uplink (default: mtu.underlay, else 1500)",
      mtuFrom,
    );
  takesTimeout(takesNode(takesResources(command)));
  examplesOf(command, [
    ['sudo encap packet run -f cluster.d --node node-a 0200…', 'a frame at the uplink of node-a'],
    [
      'sudo encap packet run -f cluster.d --direction workload 0200…',
      'as a workload here sends it',
    ],
    ['… | sudo encap packet run -f cluster.d - > answers', '{"id","direction","hex"} in each line'],
  ]).action(async (hex: string, options: RunOptions) => {
    const session = sessionOf(command);
    if (hex === '-') {
      const isAsked = parent.parent?.getOptionValueSource('output') === 'cli';
      return answerLines(isAsked ? session : { ...session, format: 'json' }, options);
    }
    const { frameFrom } = await import('./packet-line.js');
    const frame = frameFrom(hex, (why) => {
      throw new EncapError(`cannot read the packet: ${why}`, {
        code: 'USAGE',
        hint: 'give an Ethernet frame as tcpdump -xx prints it, without the offsets, or -',
      });
    });
    const { direction, fromWorkload = false, mark = false, raw = false } = options;
    using bench = await benchOf(session, options);
    const packet = { id: 1, direction, frame, fromWorkload, mark, raw };
    process.stdout.write(await answerText(session, bench, packet));
  });
}

/** One answer for each line, in their order, as they come. */
async function answerLines(session: Session, options: RunOptions): Promise<void> {
  if (options.file.includes('-'))
    throw new EncapError('cannot read both resources and packets from standard input', {
      code: 'USAGE',
      hint: 'put the resources into a file: -f PATH',
    });
  const { packetFrom } = await import('./packet-line.js');
  using bench = await benchOf(session, options);
  let number = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    number += 1;
    if (line.trim() === '') continue;
    const text = await answerText(session, bench, packetFrom(line, number, options.direction));
    if (!process.stdout.write(text))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

async function answerText(session: Session, { run, text }: Bench, packet: Packet): Promise<string> {
  const done = run(packet);
  if (session.format === 'json') return `${JSON.stringify(done.answer)}\n`;
  const answer = await render(session, { document: done.answer, text: () => text(packet, done) });
  return session.format === 'yaml' ? `---\n${answer}` : answer;
}

interface Bench extends Disposable {
  readonly run: (packet: Packet) => Run;
  readonly text: (packet: Packet, run: Run) => string;
}

/** The node's programs, loaded for this command alone. */
async function benchOf(session: Session, options: RunOptions): Promise<Bench> {
  const {
    world: { inventory },
    node: name,
  } = await readWorld(session, options);
  if (!inventory.nodes.has(name)) throw unknownNode(name, [...inventory.nodes.keys()]);
  const [{ decide }, { compile }, { configOf, probe }, { foldersOf }, { TestNode }] =
    await Promise.all([
      import('../decide/decide.js'),
      import('../datapath/compile.js'),
      import('../datapath/config.js'),
      import('../datapath/folders.js'),
      import('../datapath/test-node.js'),
    ]);
  const { desired, warnings } = decide(inventory, name);
  for (const { subject, message } of warnings) note(session, `! ${subject}: ${message}`);
  const { settings } = inventory;
  const uplinkMac = options.mac ?? someMac;
  const node = new TestNode({
    object: compile(),
    config: configOf(settings, probe()),
    desired,
    uplink: { mac: uplinkMac, mtu: options.underlayMtu ?? (settings.underlay.mtu || usualMtu) },
    folders: foldersOf(session.env),
  });
  const [{ runner }, { verdictMeanings }, { packetText }] = await Promise.all([
    import('./packet-run.js'),
    import('./verdict-meaning.js'),
    import('./packet-text.js'),
  ]);
  const meanings = await verdictMeanings();
  return {
    run: runner({ node, desired, meanings, uplinkMac, anyMac: options.mac === undefined }),
    text: (packet, run) => packetText(session.paint, packet, run, settings.vxlanPort),
    [Symbol.dispose]: () => node[Symbol.dispose](),
  };
}

/** Stands for the uplink's own where nobody says it. */
const someMac = '02:00:00:00:00:01' as Mac;

function unknownNode(node: NodeName, known: readonly NodeName[]): EncapError {
  return new EncapError(`cannot run packets as node ${node}: no Node has this name`, {
    code: 'NODE_UNKNOWN',
    why: `nodes: ${known.join(', ') || 'none'}`,
    hint: 'give the name of one of them with --node',
  });
}

function macFrom(text: string): Mac {
  const mac = readMac(text);
  if (mac !== undefined) return mac;
  throw new EncapError(`cannot use ${text} as the uplink's MAC`, {
    code: 'USAGE',
    hint: 'give six pairs of hexadecimal digits: --mac 02:00:00:00:01:0b',
  });
}
