/** Longer than any object that etcd would keep (1.5 MiB), and some. */
const longestBytes = 64 * 1024 * 1024;
const newline = 0x0a;

/** A line that is no JSON, or has no end. */
export class Garbled extends Error {}

/** A body of one JSON value a line → the values, as many at a time as came together. */
export async function* framesIn(body: AsyncIterable<Buffer>): AsyncGenerator<readonly unknown[]> {
  // What came of the line that has no end yet; most lines come in one piece and are never copied.
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of body) {
    const frames: unknown[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(newline, from);
      if (end === -1) break;
      const rest = chunk.subarray(from, end);
      frames.push(frameOf(begun.length === 0 ? rest : Buffer.concat([...begun, rest])));
      begun = [];
      begunBytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) {
      begun.push(chunk.subarray(from));
      begunBytes += chunk.length - from;
      if (begunBytes > longestBytes) throw new Garbled(`a line longer than ${longestBytes} bytes`);
    }
    if (frames.length > 0) yield frames;
  }
}

function frameOf(line: Buffer): unknown {
  const text = line.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new Garbled(`a line that is not JSON: ${JSON.stringify(text.slice(0, 60))}`);
  }
}
