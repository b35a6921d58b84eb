import type { Documents } from '../../model/document.js';
import { openTrusted } from '../trusted.js';
import { parse } from './parse.js';
import { collect } from './read.js';

/** `run`'s own configuration: whoever may write it rules the node's traffic, so its owner and mode are looked at. */
export async function readConfig(path: string): Promise<Documents> {
  await using handle = await openTrusted({ path, noun: 'configuration', kind: 'configuration' });
  return parse(path, await collect(handle.createReadStream({ autoClose: false })));
}
