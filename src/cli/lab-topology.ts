import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { EncapError, placeText } from '../errors.js';
import type { Topology } from '../lab/topology.js';
import { problemText } from './validate.js';
import { note, type Session } from './session.js';
import { didYouMean } from './suggest.js';

/** A network to build, and what it is called unless somebody says otherwise. */
export interface NamedTopology {
  readonly name: string;
  readonly topology: Topology;
}

/** The network of a preset's name, or of a file. */
export async function topologyOf(session: Session, word: string): Promise<NamedTopology> {
  const { presets, presetNames } = await import('../lab/presets.js');
  const known = presetNames.find((name) => name === word);
  if (known !== undefined) return { name: known, topology: presets[known] };
  if (/[/.]|^-$/.test(word) || existsSync(word)) return readTopology(session, word);
  throw new EncapError(`cannot build the lab ${word}: there is no such preset`, {
    code: 'USAGE',
    why: `presets: ${presetNames.join(', ')}; a file has a dot or a slash in its name`,
    hint: await didYouMean(word, presetNames, 'encap lab up --help'),
  });
}

/** Reads a file; all that is wrong with it is told with its line, as `encap validate` does. */
async function readTopology(session: Session, file: string): Promise<NamedTopology> {
  const [{ readResources }, { problemOf, schemaComplaints }, parts, rules, layout] =
    await Promise.all([
      import('../sources/file/read.js'),
      import('../model/check.js'),
      import('../lab/topology/file.js'),
      import('../lab/topology/rules.js'),
      import('../lab/topology/lay-out.js'),
    ]);
  const { documents, problems } = await readResources([file]);
  const [document, ...others] = documents;
  const found = [...problems];
  if (document !== undefined) {
    const complaints = schemaComplaints(parts.topologyFile, document.value);
    const read = parts.topologyFile.safeParse(document.value);
    if (read.success) complaints.push(...rules.complaintsAbout(read.data));
    found.push(...complaints.map((complaint) => problemOf({ ...complaint, document })));
    found.push(
      ...others.map((other) =>
        problemOf({ path: [], message: 'a file holds one topology', document: other }),
      ),
    );
    if (read.success && found.length === 0) {
      const name = basename(file)
        .replace(/\.[^.]*$/, '')
        .toLowerCase();
      return { name, topology: layout.layOut(read.data, dirname(file)) };
    }
  }
  const isDocument = session.format === 'json' || session.format === 'yaml';
  const onError = { ...session, paint: session.notePaint };
  if (!isDocument) for (const problem of found) note(session, problemText(onError, problem));
  const why = found.map(
    (one) => `${placeText(one)} ${one.path === '' ? '' : `${one.path}: `}${one.message}`,
  );
  const [first] = found;
  throw new EncapError(`cannot build the lab of ${file}: it is no valid topology`, {
    code: 'CONFIG_INVALID',
    ...(isDocument ? { why: why.join('\n') } : {}),
    hint: 'the members of a topology: docs/lab.md; a preset to begin with: examples/lab',
    place: first ?? { file },
  });
}
