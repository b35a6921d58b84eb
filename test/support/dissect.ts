import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What tshark says of one frame. */
export interface Dissection {
  /** 'eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp' */
  readonly protocols: string;
  readonly bytes: number;
  readonly malformed: boolean;
  /** Wrong checksums, by protocol and header from the outside in: 'tcp 0'. */
  readonly wrong: readonly string[];
  /** A UDP checksum is missing where IPv6 wants one (RFC 8200 section 8.1). */
  readonly unsummed: boolean;
  /** How many checksums of a protocol are right. */
  readonly right: Readonly<Record<Checked, number>>;
  /** Of the outermost headers, as far as they are IPv4 and UDP. */
  readonly source: string;
  readonly sourcePort: number;
}

/** Whether tshark is here to say anything. */
export function whyNoTshark(): string | undefined {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'tshark is not installed';
  }
}

/** Lets tshark, which knows nothing of us, read frames and verify every checksum. */
export function dissect(frames: readonly Uint8Array[]): readonly Dissection[] {
  const folder = mkdtempSync(join(tmpdir(), 'bp2-pcap-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, pcap(frames));
    return dissectFile(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Fields of one frame as tshark names and prints them; of a header that is there twice, the outer one first. */
export function fieldsOf(
  frame: Uint8Array,
  ...names: readonly string[]
): Readonly<Record<string, readonly string[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'bp2-pcap-'));
  try {
    const file = join(folder, 'frame.pcap');
    writeFileSync(file, pcap([frame]));
    const columns = names.flatMap((name) => ['-e', name]);
    const output = execFileSync(
      'tshark',
      ['-r', file, ...preferences, '-T', 'fields', ...columns],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const values = output.replace(/\n$/, '').split('\t');
    return Object.fromEntries(names.map((name, place) => [name, list(values[place])]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same for a capture file; `more`: further options of tshark. */
export function dissectFile(file: string, more: readonly string[] = []): readonly Dissection[] {
  // frames are judged one by one
  const apart = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE'];
  const fields = [
    'frame.protocols',
    'frame.len',
    '_ws.malformed',
    'ip.src',
    'udp.srcport',
    'tcp.checksum',
    'tcp.checksum_calculated',
    ...statuses.map((name) => `${name}.checksum.status`),
  ];
  const output = execFileSync(
    'tshark',
    [
      '-r',
      file,
      ...more,
      ...preferences,
      ...apart,
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 },
  );
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [protocols = '', bytes, malformed = '', sources, ports, sums, calculated, ...status] =
        line.split('\t');
      const judged = statuses.map((name, place) =>
        list(status[place]).map((value, depth) =>
          name === 'tcp' && isOtherZero(list(sums)[depth], list(calculated)[depth]) ? good : value,
        ),
      );
      return {
        protocols,
        bytes: Number(bytes),
        malformed: malformed !== '',
        wrong: statuses.flatMap((name, place) =>
          (judged[place] ?? []).flatMap((value, depth) =>
            value === bad ? [`${name} ${depth}`] : [],
          ),
        ),
        unsummed: list(status[statuses.indexOf('udp')]).includes(illegal),
        right: Object.fromEntries(
          statuses.map((name, place) => [
            name,
            (judged[place] ?? []).filter((value) => value === good).length,
          ]),
        ) as Record<Checked, number>,
        source: list(sources)[0] ?? '',
        sourcePort: Number(list(ports)[0]),
      };
    });
}

const statuses = ['ip', 'udp', 'tcp', 'icmp', 'icmpv6', 'sctp'] as const;

type Checked = (typeof statuses)[number];

const preferences = [
  ...['ip', 'udp', 'tcp'].map((name) => `${name}.check_checksum:TRUE`),
  'sctp.checksum:CRC-32C',
].flatMap((preference) => ['-o', preference]);

/** Of tshark's checksum.status: 2 is unverified (a fragment), 3 is not present (UDP without one). */
const bad = '0';
const good = '1';
const illegal = '4'; // none, over IPv6

/**
 * Of one's complement's two zeros Linux writes the one that UDP needs into TCP, too (skb_checksum_help), and tshark, by
 * RFC 1624, takes it for wrong. Receivers see no difference. One packet in 65,536 has it.
 */
function isOtherZero(sum: string | undefined, calculated: string | undefined): boolean {
  return sum === '0xffff' && calculated === '0x0000';
}

function list(field: string | undefined): string[] {
  return (field ?? '') === '' ? [] : (field ?? '').split(',');
}

function pcap(frames: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262144, 16);
  header.writeUInt32LE(1, 20); // LINKTYPE_ETHERNET
  const records = frames.flatMap((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}
