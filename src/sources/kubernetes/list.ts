import * as z from 'zod';
import type { List } from '../ledger.js';
import type { Api, Question } from './api.js';
import { type Kind, keyOf, nameOf, pathOf } from './kinds.js';
import { nameIn, resourceOf } from './resource.js';
import { garbled } from './trouble.js';

/** So many at a time: 100,000 blocks in one answer would be 400 MB of text. */
const pageSize = 500;

/** Adds all resources of a kind to a list; gives the resourceVersion at which they were so. Throws Trouble. */
export async function listAll(
  kind: Kind,
  list: List,
  { api, signal }: { readonly api: Api; readonly signal: AbortSignal },
): Promise<string> {
  const ask = (next: string): Promise<Page> => {
    const query = { limit: String(pageSize), ...(next === '' ? {} : { continue: next }) };
    return pageOf(questionOf(kind, query), api, signal);
  };
  let coming = ask('');
  let nameless = 0;
  for (;;) {
    const { metadata, items } = await coming;
    // The server makes the next page while this one is understood.
    const isLast = metadata.continue === '';
    if (!isLast) coming = ask(metadata.continue);
    for (const item of items ?? []) {
      const name = nameIn(item);
      const key =
        name === undefined ? `${kind.plural}/nameless ${(nameless += 1)}` : keyOf(kind, name);
      list.add(key, resourceOf(kind, item));
    }
    if (isLast) return metadata.resourceVersion;
  }
}

/** Where the history of a kind is now. Throws Trouble. */
export async function versionOf(kind: Kind, api: Api, signal: AbortSignal): Promise<string> {
  const { metadata } = await pageOf(questionOf(kind, { limit: '1' }), api, signal);
  return metadata.resourceVersion;
}

const page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().default('') }),
  // Go writes an empty list as null.
  items: z.array(z.unknown()).nullish(),
});

type Page = z.infer<typeof page>;

function questionOf(kind: Kind, query: NonNullable<Question['query']>): Question {
  return { verb: 'list', what: nameOf(kind), path: pathOf(kind), query };
}

/** Without a version of ours in the question, the answer is not older than the question. */
async function pageOf(question: Question, api: Api, signal: AbortSignal): Promise<Page> {
  const parsed = page.safeParse(await api.get(question, signal));
  if (!parsed.success) throw garbled({ ...question, server: api.server }, 'the answer is no list');
  return parsed.data;
}
