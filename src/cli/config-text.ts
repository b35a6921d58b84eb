import { placeText } from '../errors.js';
import type { Origin, Setting } from '../model/origin.js';
import type { View } from './output.js';
import { table } from './table.js';

/** Settings as a table, JSON or YAML; who said each of them only where that is asked for. */
export function settingsView(settings: readonly Setting[], withOrigin: boolean): View {
  return {
    document: {
      apiVersion: 'encap/v1',
      kind: 'Settings',
      items: settings.map(({ name, value, origin }) => ({
        name,
        ...(value === undefined ? {} : { value }),
        ...(withOrigin ? { origin: originItem(origin) } : {}),
      })),
    },
    names: () => settings.map(({ name }) => name),
    text: (session) =>
      table(
        session,
        [
          { title: 'SETTING', of: ({ name }) => name },
          { title: 'VALUE', of: ({ value }) => cell(value) },
          ...(withOrigin
            ? [{ title: 'ORIGIN', of: ({ origin }: Setting) => originText(origin) }]
            : []),
        ],
        settings,
      ),
  };
}

/** Flat: what a script looks for is the place. */
function originItem(origin: Origin): object {
  if (origin.from !== 'resource') return origin;
  const { from, resource, member, spot } = origin;
  const { file, line, column } = spot;
  return { from, resource, member, file, line, column };
}

function originText(origin: Origin): string {
  switch (origin.from) {
    case 'option':
    case 'variable':
      return origin.name;
    case 'resource':
      return `${placeText(origin.spot)} (${origin.resource})`;
    case 'machine':
      return origin.what;
    case 'default':
      return 'default';
  }
}

function cell(value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(String).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
