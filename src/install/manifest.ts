import * as z from 'zod';
import { EncapError } from '../errors.js';
import type { Ground } from './ground.js';

/** Where it is written down what an installation consists of. */
export const manifestPath = '/var/lib/encap/installed.json';

const schema = z.strictObject({
  apiVersion: z.literal('encap/v1'),
  kind: z.literal('Installed'),
  version: z.string(),
  /** The folder that the package was unpacked to. */
  tree: z.string(),
  /**
   * In the order in which they were made. More than one mark: an installation that did not come to its end may have left
   * either.
   */
  things: z.array(
    z.strictObject({
      path: z.string().regex(/^\/(?!.*\/\.\.?(\/|$))/),
      marks: z.array(z.string()),
    }),
  ),
});

/** What `encap install` made, and nothing that was there before. */
export type Manifest = z.infer<typeof schema>;

/** undefined: nothing was installed below this root. */
export function readManifest(ground: Ground): Manifest | undefined {
  if (ground.markAt(manifestPath) === undefined) return undefined;
  ground.guardFile(manifestPath);
  const parsed = schema.safeParse(json(ground.read(manifestPath).toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new EncapError(
    `cannot use ${ground.at(manifestPath)}: it is no list of what was installed`,
    {
      code: 'INSTALL_REFUSED',
      why: z.prettifyError(parsed.error),
      hint: 'restore it from a backup; or move it away and remove by hand what docs/install.md lists',
    },
  );
}

export function writeManifest(ground: Ground, manifest: Manifest): void {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  ground.put(manifestPath, { kind: 'file', text, mode: 0o644 });
}

/** What is no JSON is not what the schema expects either. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
