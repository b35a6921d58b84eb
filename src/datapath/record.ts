import * as z from 'zod';
import { EncapError } from '../errors.js';
import { readOwn } from './own-file.js';

/** What an agent wrote down for the time after it; undefined where there is no such file of an agent's. */
export function readRecord<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
): z.output<Schema> | undefined {
  const text = readOwn(file);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new EncapError(`cannot read ${file}: it is not what an agent wrote`, {
    code: 'FILE_UNREADABLE',
    why: z.prettifyError(parsed.error),
    hint: `remove it, if nobody knows better: rm ${file}`,
    place: { file },
  });
}

/** Text that is no JSON is no record either. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
