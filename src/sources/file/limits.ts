import { deepest } from '../depth.js';

/** What a file of resources may cost to parse. */
export const limits = {
  sizeBytes: 16 * 1024 * 1024,
  depth: deepest,
  documents: 100_000,
  /** YAML aliases resolved in one document: more is a "billion laughs" bomb. */
  aliases: 100,
} as const;

/** Why a text is not worth parsing, and where; undefined for all that is. Looks at characters only. */
export function tooMuch(
  content: string,
): { readonly message: string; readonly offset: number } | undefined {
  const deep = deepAt(content);
  if (deep !== undefined)
    return { message: `nested more than ${limits.depth} levels deep`, offset: deep };
  const compact = /^[ \t]*(?:[-?:][ \t]+){64}/m.exec(content);
  if (compact !== null)
    return { message: `nested more than ${limits.depth} levels deep`, offset: compact.index };
  let count = 0;
  for (const { index } of content.matchAll(/^---(?=\s|$)/gm)) {
    count += 1;
    if (count > limits.documents)
      return { message: `more than ${limits.documents} documents`, offset: index };
  }
  return undefined;
}

/** Brackets in quoted text count too: generous, so that only a bomb meets the limit. */
function deepAt(content: string): number | undefined {
  const generous = limits.depth * 16;
  let depth = 0;
  for (let offset = 0; offset < content.length; offset += 1) {
    const code = content.charCodeAt(offset);
    if (code === 0x5b || code === 0x7b) depth += 1;
    else if ((code === 0x5d || code === 0x7d) && depth > 0) depth -= 1;
    if (depth > generous) return offset;
  }
  return undefined;
}
