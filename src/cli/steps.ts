import type { Step } from '../install/install.js';
import type { View } from './output.js';

/** What an installation wrote, kept or removed; made, or (dry run) only planned. */
export function stepsView(
  kind: 'InstallReport' | 'UninstallReport',
  steps: readonly Step[],
  dryRun: boolean,
): View {
  return {
    document: { apiVersion: 'encap/v1', kind, dryRun, items: steps },
    names: () => steps.map(({ path }) => path),
    text: ({ paint }) => {
      const width = Math.max(0, ...steps.map(({ path }) => path.length));
      const lines = steps.map(
        ({ action, path, what }) =>
          `${action.padEnd(7)} ${what === '' ? path : `${path.padEnd(width)}   ${paint.dim(what)}`}`,
      );
      return [...lines, ...(dryRun ? ['Nothing was done.'] : [])].join('\n');
    },
  };
}
