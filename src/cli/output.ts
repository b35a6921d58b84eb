import { EncapError } from '../errors.js';
import type { Session } from './session.js';

/** One answer, and the ways to print it: all are made from the same document. */
export interface View {
  /** The whole answer, as `-o json` and `-o yaml` print it. */
  readonly document: object;
  readonly text: (session: Session) => string | Promise<string>;
  /** `-o name`: one resource in each line, for scripts. */
  readonly names?: () => readonly string[];
}

/** Prints an answer in the format that the session asks for. */
export async function print(session: Session, view: View): Promise<void> {
  const text = await render(session, view);
  process.stdout.write(text === '' || text.endsWith('\n') ? text : `${text}\n`);
}

/** The text of an answer in the session's format. */
export async function render(session: Session, view: View): Promise<string> {
  switch (session.format) {
    case 'json':
      return `${JSON.stringify(view.document, null, 2)}\n`;
    case 'yaml':
      return yamlOf(view.document);
    case 'name':
      return namesOf(view);
    case 'table':
    case 'wide':
      return view.text(session);
  }
}

async function yamlOf(document: object): Promise<string> {
  const { stringify } = await import('yaml');
  // Through JSON: the two formats show one and the same document, without undefined members or anchors.
  return stringify(JSON.parse(JSON.stringify(document)) as unknown, {
    aliasDuplicateObjects: false,
  });
}

function namesOf({ names }: View): string {
  if (names === undefined) {
    throw new EncapError('cannot print names: this command answers with no named things', {
      code: 'USAGE',
      hint: 'use -o json, -o yaml or the table',
    });
  }
  return names()
    .map((name) => `${name}\n`)
    .join('');
}
