/** What a text holds, where it is JSON without keys that are there twice; the YAML parser is for all others. */
export function plainJson(content: string): { readonly value: unknown } | undefined {
  if (!/^\uFEFF?\s*[{[]/.test(content)) return undefined;
  try {
    const value = JSON.parse(content.replace(/^\uFEFF/, '')) as unknown;
    return hasKeyTwice(content) ? undefined : { value };
  } catch {
    return undefined;
  }
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** JSON.parse silently takes the last of two. The text is JSON: so a string is a key where a colon follows. */
function hasKeyTwice(content: string): boolean {
  const maps: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [found] of content.matchAll(token)) {
    if (found === '{') maps.push(new Set());
    else if (found === '[') maps.push(undefined);
    else if (found === '}' || found === ']') maps.pop();
    else if (found === ':') {
      const keys = maps.at(-1);
      // Two spellings of one key ("a", "\u0061") are one key.
      const key = last.includes('\\') ? String(JSON.parse(last)) : last.slice(1, -1);
      if (keys?.has(key) === true) return true;
      keys?.add(key);
    }
    last = found;
  }
  return false;
}
