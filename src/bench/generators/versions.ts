import { execa } from 'execa';
import { iperf3, sockperf } from './generator.js';

/** What the generators say of themselves; one that is not there says nothing. */
export async function toolVersions(): Promise<Readonly<Record<string, string>>> {
  const said = await Promise.all(
    [iperf3, sockperf].map(async ({ command }) => {
      const { stdout } = await execa(command, ['--version'], { reject: false });
      const [, version] = /(\d+\.\d[\w.-]*)/.exec(stdout) ?? [];
      return version === undefined ? [] : [[command, version] as const];
    }),
  );
  return { node: process.versions.node, ...Object.fromEntries(said.flat()) };
}
