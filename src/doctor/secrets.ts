/**
 * A text without what looks like a secret: values of members, variables and options that are called so, user and
 * password in URLs, keys and certificates in PEM. Rather too much than too little.
 */
export function withoutSecrets(text: string): string {
  return text
    .replace(/-----BEGIN ([A-Z ]+)-----[\s\S]*?(?:-----END \1-----|$)/g, '[PEM left out]')
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, '$1[left out]@')
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 [left out]')
    .replace(
      /(["']?[\w-]*(?:password|passwd|secret|token|private[_-]?key|credential)[\w-]*["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}"']+)/gi,
      (_, name: string, value: string) =>
        `${name}${value.startsWith('"') ? '"[left out]"' : '[left out]'}`,
    );
}
