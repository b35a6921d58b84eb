import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EncapError } from '../errors.js';
import { readClassicFilter, type ClassicFilter } from '../net/classic-bpf.js';

/** A filter in the words of pcap-filter(7), compiled by libpcap for Ethernet frames; tcpdump is how we ask it. */
export async function packetFilter(words: string): Promise<ClassicFilter> {
  try {
    const { stdout } = await promisify(execFile)('tcpdump', [
      ...['-ddd', '-y', 'EN10MB', '--', words],
    ]);
    return readClassicFilter(stdout);
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string };
    if (code === 'ENOENT')
      throw new EncapError('cannot compile the filter: tcpdump is missing', {
        code: 'FEATURE_MISSING',
        hint: 'apt install tcpdump, or filter with --from, --to, --proto, --port',
        cause,
      });
    if (stderr === undefined) throw cause;
    throw new EncapError(`cannot compile the filter ${JSON.stringify(words)}`, {
      code: 'USAGE',
      why: stderr.replace(/^tcpdump: /, '').trim(),
      hint: 'write it as in pcap-filter(7): tcp port 8080 and host 10.244.3.9',
      cause,
    });
  }
}
